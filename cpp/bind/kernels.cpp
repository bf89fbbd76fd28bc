// The kernels, one by one and for a chosen instruction set: for the tests and the micro-benchmarks.
#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <pybind11/stl.h>

#include "bind/array.hpp"
#include "bind/register.hpp"
#include "bind/table.hpp"
#include "data/bin_mapper.hpp"
#include "data/binned_matrix.hpp"
#include "kernel/binning.hpp"
#include "kernel/cell_runs.hpp"
#include "kernel/quantize.hpp"
#include "kernel/row_counts.hpp"
#include "kernel/split_scan.hpp"
#include "tree/histogram_builder.hpp"
#include "tree/root_histograms.hpp"
#include "tree/row_partition.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

using Cells = py::array_t<Cell, py::array::c_style | py::array::forcecast>;
using Rows = py::array_t<RowIndex, py::array::c_style | py::array::forcecast>;
using Codes = py::array_t<std::uint8_t, py::array::c_style>;
using Bins = py::array_t<std::int32_t, py::array::c_style | py::array::forcecast>;

/// The tables of one instruction set.
class Kernels {
 public:
  explicit Kernels(const std::string& isa) : set_(instruction_set_named(isa.c_str())) {}

  // codes: (n, slots) uint8 or uint16, C order; n_codes a slot. Returns the cells as (slots, max codes).
  [[nodiscard]] py::array_t<Cell> accumulate(const py::array& codes, const Rows& rows, const Cells& pairs,
                                             const std::vector<std::int32_t>& n_codes) const {
    const bool wide = codes.dtype().itemsize() == 2;
    const std::size_t n_slots = n_codes.size();
    HistogramLayout layout;
    for (std::size_t slot = 0; slot < n_slots; slot += kWordSlots) {
      const std::size_t end = std::min(slot + kWordSlots, n_slots);
      const auto from = n_codes.begin() + static_cast<std::ptrdiff_t>(slot);
      layout.append({.lines = *std::max_element(from, n_codes.begin() + static_cast<std::ptrdiff_t>(end)),
                     .slots = static_cast<std::int32_t>(end - slot),
                     .wide = wide});
    }
    AlignedBuffer<Cell> cells(layout.cells, 0);
    // The kernel reads whole words of narrow codes: rows are padded as the binned matrix pads them.
    const std::size_t stride = wide ? n_slots : layout.words.size() * kWordSlots;
    const auto n_rows = static_cast<std::size_t>(codes.shape(0));
    std::vector<std::uint8_t> narrow(wide ? 0 : n_rows * stride);
    if (!wide) {
      const auto* from = static_cast<const std::uint8_t*>(codes.data());
      for (std::size_t row = 0; row < n_rows; ++row) {
        std::copy_n(from + row * n_slots, n_slots, narrow.data() + row * stride);
      }
    }
    kernel::AccumulateTask task;
    task.codes = wide ? codes.data() : narrow.data();
    task.row_stride = stride;
    task.rows = rows.data();
    task.n_rows = static_cast<std::size_t>(rows.size());
    task.pairs = pairs.data();
    task.words = layout.words.data();
    task.n_words = layout.words.size();
    task.histogram = cells.data();
    kernel::histogram_table(set_).accumulate(task);
    const std::int32_t most = *std::max_element(n_codes.begin(), n_codes.end());
    py::array_t<Cell> out({n_slots, static_cast<std::size_t>(most)});
    auto view = out.mutable_unchecked<2>();
    for (std::size_t slot = 0; slot < n_slots; ++slot) {
      for (std::int32_t code = 0; code < most; ++code) {
        const Word& word = layout.words[slot / kWordSlots];
        view(static_cast<py::ssize_t>(slot), code) =
            code < word.lines ? cells[cell_index(word, static_cast<int>(slot % kWordSlots), code)] : 0;
      }
    }
    return out;
  }

  [[nodiscard]] py::array_t<Cell> subtract(const Cells& larger, const Cells& smaller) const {
    require_length(smaller, static_cast<std::size_t>(larger.size()), "smaller");
    py::array_t<Cell> out(larger.size());
    std::copy_n(larger.data(), larger.size(), out.mutable_data());
    kernel::histogram_table(set_).subtract(out.mutable_data(), smaller.data(), static_cast<std::size_t>(out.size()));
    return out;
  }

  // lines: (codes, 8) cells. Returns (score, bin, missing_left) of the eight lanes.
  [[nodiscard]] py::tuple scan(const Cells& lines, Cell sum, double lambda, double alpha, double min_hessian) const {
    return scanned(scan_task(lines, sum, lambda, alpha, min_hessian));
  }

  // The same with each lane's cuts held to its range: (2, 8) first and last bins on the left, missing right and left.
  [[nodiscard]] py::tuple scan_ranges(const Cells& lines, Cell sum, double lambda, double alpha, double min_hessian,
                                      const Bins& first, const Bins& last) const {
    kernel::CutRanges ranges;
    std::copy_n(first.data(), 2 * kWordSlots, ranges.first[0]);
    std::copy_n(last.data(), 2 * kWordSlots, ranges.last[0]);
    kernel::ScanTask task = scan_task(lines, sum, lambda, alpha, min_hessian);
    task.ranges = &ranges;
    return scanned(task);
  }

  // codes: (n, 8) uint8; larger: rows of a node, of which `smaller` are taken away. first and last as above.
  [[nodiscard]] py::tuple ranges(const Codes& codes, const Rows& larger, const Rows& smaller, const Cells& lines,
                                 std::size_t least) const {
    const kernel::RowCountTable& table = kernel::row_count_table(set_);
    const Word word{.lines = static_cast<std::int32_t>(lines.shape(0)), .slots = kWordSlots};
    std::vector<RowCount> counts[2];
    for (int i = 0; i < 2; ++i) {
      const Rows& rows = i == 0 ? larger : smaller;
      kernel::AccumulateTask task;
      task.codes = codes.data();
      task.row_stride = kWordSlots;
      task.rows = rows.data();
      task.n_rows = static_cast<std::size_t>(rows.size());
      task.words = &word;
      task.n_words = 1;
      counts[i].resize(static_cast<std::size_t>(lines.size()), 99);
      table.count(task, counts[i].data());
    }
    table.subtract(counts[0].data(), counts[1].data(), counts[0].size());
    kernel::CutRanges ranges;
    const auto n_rows = static_cast<std::size_t>(larger.size() - smaller.size());
    table.ranges({counts[0].data(), lines.data(), word.lines, n_rows, least}, ranges);
    const std::vector<py::ssize_t> shape{2, kWordSlots};
    return py::make_tuple(Bins(shape, ranges.first[0]), Bins(shape, ranges.last[0]));
  }

  // The same of one lane, the last bin on the left being first..last.
  [[nodiscard]] py::tuple scan_lane(const Cells& lines, Cell sum, double lambda, double alpha, double min_hessian,
                                    int lane, std::int32_t first, std::int32_t last) const {
    const kernel::ScanTask task = scan_task(lines, sum, lambda, alpha, min_hessian);
    const kernel::BinRange range{{first, first}, {last, last}};
    const kernel::SlotSplit best = kernel::split_scan_table(set_).scan_lane(task, lane, range);
    return py::make_tuple(best.score, best.bin, best.missing_left);
  }

  // unit: (n, 2), the unweighted gradient and Hessian of every row.
  [[nodiscard]] py::array_t<Cell> quantize(const DoubleArray& unit, const DoubleArray& weights, double gradient_step,
                                           double hessian_step, bool stochastic, std::uint64_t key, bool totals) const {
    py::array_t<Cell> out(weights.size());
    quantize_to(out.mutable_data(), unit, weights, {gradient_step, hessian_step, stochastic}, key, totals);
    return out;
  }

  // A cell and so many of `rows` a run; pairs: (n, trees). Returns the (cells, trees) and the totals of the trees.
  [[nodiscard]] py::tuple add_runs(const std::vector<std::pair<std::uint32_t, std::uint32_t>>& runs,
                                   const std::vector<std::uint16_t>& rows, const Cells& pairs,
                                   std::size_t n_cells) const {
    std::vector<kernel::CellRun> own;
    for (const auto& [cell, n_rows] : runs) own.push_back({cell, n_rows});
    const auto n_trees = static_cast<std::size_t>(pairs.shape(1));
    py::array_t<Cell> cells({n_cells, n_trees}), totals(pairs.shape(1));
    std::fill_n(cells.mutable_data(), cells.size(), Cell{0});
    std::fill_n(totals.mutable_data(), totals.size(), Cell{0});
    kernel::AddRunsTask task;
    task.n_trees = n_trees;
    task.runs = own.data();
    task.n_runs = own.size();
    task.rows = rows.data();
    task.pairs = pairs.data();
    task.n_rows = static_cast<std::size_t>(pairs.shape(0));
    task.cells = cells.mutable_data();
    task.totals = totals.mutable_data();
    kernel::cell_runs_table(set_).add(task);
    return py::make_tuple(cells, totals);
  }

  // The totals of w |g| and w h.
  [[nodiscard]] py::tuple derivative_totals(const DoubleArray& unit, const DoubleArray& weights) const {
    std::vector<Cell> pairs(static_cast<std::size_t>(weights.size()));
    const DerivativeTotals totals = quantize_to(pairs.data(), unit, weights, {}, 0);
    return py::make_tuple(totals.gradient, totals.hessian);
  }

  // Codes of one byte of floats or doubles.
  [[nodiscard]] py::array_t<std::uint8_t> encode(const py::array& values, const std::vector<double>& cuts) const {
    const auto n = static_cast<std::size_t>(values.size());
    py::array_t<std::uint8_t> out(values.size());
    if (values.dtype().itemsize() == sizeof(float)) {
      kernel::CutSearch<float>(cuts).encode(static_cast<const float*>(values.data()), n, out.mutable_data(), set_);
    } else {
      kernel::CutSearch<double>(cuts).encode(static_cast<const double*>(values.data()), n, out.mutable_data(), set_);
    }
    return out;
  }

  [[nodiscard]] py::tuple partition(const py::array& codes, const Rows& rows, std::int32_t bin,
                                    bool missing_left) const {
    std::vector<RowIndex> left(rows.data(), rows.data() + rows.size());
    std::vector<RowIndex> right(left.size());
    const kernel::PartitionTable& table = kernel::partition_table(set_);
    const CodeSplit split{bin, missing_left};
    const auto stride = static_cast<std::size_t>(codes.strides(0) / codes.itemsize());
    const auto divide = [&](const auto* first) {
      RowIndex* rows_in = left.data();
      if (stride == 1) return kernel::partition(rows_in, left.size(), first, split, right.data(), table);
      return kernel::partition(rows_in, left.size(), kernel::StridedColumn{first, stride}, split, right.data(), table);
    };
    const std::size_t n_left = codes.itemsize() == 1 ? divide(static_cast<const std::uint8_t*>(codes.data()))
                                                     : divide(static_cast<const std::uint16_t*>(codes.data()));
    right.resize(left.size() - n_left);
    left.resize(n_left);
    return py::make_tuple(to_array(left), to_array(right));
  }

 private:
  DerivativeTotals quantize_to(Cell* pairs, const DoubleArray& unit, const DoubleArray& weights,
                               const QuantizationScale& scale, std::uint64_t key, bool with_totals = true) const {
    const auto n_rows = static_cast<std::size_t>(weights.size());
    std::vector<double> gradients, hessians;
    for (std::size_t row = 0; row < n_rows; ++row) {
      gradients.push_back(unit.data()[2 * row]);
      hessians.push_back(unit.data()[2 * row + 1]);
    }
    DerivativeTotals totals;
    kernel::QuantizeTask task;
    task.gradients = gradients.data();
    task.hessians = hessians.data();
    task.weights = weights.data();
    task.n_rows = n_rows;
    task.key = key;
    task.scale = scale;
    task.pairs = pairs;
    task.totals = with_totals ? &totals : nullptr;
    kernel::quantize_table(set_).quantize(task);
    return totals;
  }

  [[nodiscard]] py::tuple scanned(const kernel::ScanTask& task) const {
    kernel::LaneSplits best;
    kernel::split_scan_table(set_).scan(task, best);
    return py::make_tuple(py::array_t<double>(kWordSlots, best.score), py::array_t<std::int32_t>(kWordSlots, best.bin),
                          py::array_t<bool>(kWordSlots, best.missing_left));
  }

  [[nodiscard]] static kernel::ScanTask scan_task(const Cells& lines, Cell sum, double lambda, double alpha,
                                                  double min_hessian) {
    kernel::ScanTask task;
    task.cells = lines.data();
    task.lines = static_cast<std::int32_t>(lines.shape(0));
    task.has_missing = true;
    task.gradient = static_cast<double>(gradient_sum(sum));
    task.hessian = static_cast<double>(hessian_sum(sum));
    task.lambda = lambda;
    task.alpha = alpha;
    task.min_hessian = min_hessian;
    return task;
  }

  InstructionSet set_;
};

py::list cuts(const BoundTable& X, const std::optional<DoubleArray>& weights, std::int32_t max_bins, int n_jobs) {
  const Table& table = X.table();
  const BinMapper mapper(table, weights ? weights->data() : nullptr, max_bins, n_jobs);
  py::list out;
  for (std::size_t feature = 0; feature < mapper.n_features(); ++feature) out.append(to_array(mapper.cuts(feature)));
  return out;
}

// Codes of every cell for given cuts, as the binned matrix gives them column by column: (features, n).
py::array_t<std::int32_t> codes(const BoundTable& X, const std::vector<std::vector<double>>& cuts, int n_jobs,
                                bool by_rows) {
  const Table& table = X.table();
  const BinMapper mapper(cuts, std::vector<std::int32_t>(cuts.size(), 0));
  const CodeOrders orders = by_rows ? CodeOrders::rows : CodeOrders::rows_and_columns;
  const BinnedMatrix matrix(table, mapper, nullptr, orders, n_jobs);
  py::array_t<std::int32_t> out({cuts.size(), table.n_rows});
  std::fill_n(out.mutable_data(), out.size(), -1);  // of columns that have no codes: sparse and constant
  auto view = out.mutable_unchecked<2>();
  std::vector<RowIndex> rows(table.n_rows);
  std::iota(rows.begin(), rows.end(), RowIndex{0});
  for (std::size_t slot = 0; slot < matrix.n_slots(); ++slot) {
    if (matrix.feature_of(slot) == BinnedMatrix::kNoFeature) continue;
    matrix.visit_column(slot, [&](const auto& column) {
      kernel::for_each_code(column, rows.data(), rows.size(), [&](std::size_t row, std::int32_t code) {
        view(matrix.feature_of(slot), static_cast<py::ssize_t>(row)) = code;
      });
    });
  }
  return out;
}

// Of several trees with pairs (trees, n): the cells of all rows (trees, features, codes), the sums of the pairs, and
// of a sparse table the weights of the features' kept rows.
py::tuple root_histograms(const BoundTable& X, const std::vector<std::vector<double>>& cuts,
                          const std::optional<DoubleArray>& weights, const Cells& pairs, std::size_t n_parts) {
  const Table& table = X.table();
  const double* const row_weights = weights ? weights->data() : nullptr;
  const BinMapper mapper(cuts, std::vector<std::int32_t>(cuts.size(), 0));
  const BinnedMatrix matrix(table, mapper, row_weights, CodeOrders::rows_and_columns, 1);
  const RowPartition partition(table.n_rows, row_weights);
  const auto n_trees = static_cast<std::size_t>(pairs.shape(0));
  const std::size_t size = n_trees <= kernel::kFewTrees ? kernel::kFewTrees : kernel::kMostTrees;
  const auto roots =
      RootHistograms::make(matrix, matrix.layout(), partition, std::numeric_limits<std::size_t>::max(), false, 1);
  if (!roots) return py::make_tuple(py::none(), py::none(), py::none());
  roots->make_room(size, n_parts);
  std::vector<Cell> rows(CellRows::kTileRows * size);
  const std::size_t n_tiles = roots->rows().n_tiles();
  for (std::size_t part = 0; part < n_parts; ++part) {
    roots->take_up(0, size);
    for (std::size_t tile = part * n_tiles / n_parts; tile < (part + 1) * n_tiles / n_parts; ++tile) {
      const std::size_t begin = tile * CellRows::kTileRows;
      const std::size_t n = std::min(CellRows::kTileRows, table.n_rows - begin);
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t tree = 0; tree < n_trees; ++tree) {
          rows[i * size + tree] = pairs.data()[tree * table.n_rows + begin + i];
        }
      }
      roots->add(0, size, tile, rows.data(), n);
    }
    roots->put_down(0, size, 0, part);
  }
  HistogramPool pool(matrix.layout(), matrix.is_sparse(), false, matrix.bytes());
  NodeHistogram* const histogram = pool.acquire();
  std::int32_t most_codes = 0;
  for (std::size_t f = 0; f < cuts.size(); ++f) most_codes = std::max(most_codes, mapper.n_codes(f));
  py::array_t<Cell> cells({n_trees, cuts.size(), static_cast<std::size_t>(most_codes)}), sums(pairs.shape(0));
  py::array_t<double> kept(static_cast<py::ssize_t>(cuts.size()));
  std::fill_n(cells.mutable_data(), cells.size(), Cell{0});
  std::fill_n(kept.mutable_data(), kept.size(), 0.0);
  for (std::size_t tree = 0; tree < n_trees; ++tree) {
    sums.mutable_data()[tree] = roots->take(tree, *histogram);
    for (std::size_t slot = 0; slot < matrix.n_slots(); ++slot) {
      const std::int32_t feature = matrix.feature_of(slot);
      if (feature == BinnedMatrix::kNoFeature) continue;
      const auto f = static_cast<std::size_t>(feature);
      for (std::int32_t code = 0; code < mapper.n_codes(f); ++code) {
        const Word& word = matrix.layout().words[slot / kWordSlots];
        *cells.mutable_data(tree, f, code) =
            histogram->cells[cell_index(word, static_cast<int>(slot % kWordSlots), code)];
      }
      if (matrix.is_sparse())
        kept.mutable_data()[f] = static_cast<double>(histogram->weights[slot]) / partition.steps_per_unit();
    }
  }
  return py::make_tuple(cells, sums, kept);
}

}  // namespace

void register_kernels(py::module_& module) {
  py::class_<Kernels>(module, "Kernels")
      .def("accumulate", &Kernels::accumulate)
      .def("subtract", &Kernels::subtract)
      .def("scan", &Kernels::scan)
      .def("scan_ranges", &Kernels::scan_ranges)
      .def("ranges", &Kernels::ranges)
      .def("add_runs", &Kernels::add_runs)
      .def("quantize", &Kernels::quantize, py::arg("unit"), py::arg("weights"), py::arg("gradient_step"),
           py::arg("hessian_step"), py::arg("stochastic"), py::arg("key"), py::arg("totals") = false)
      .def("derivative_totals", &Kernels::derivative_totals)
      .def("encode", &Kernels::encode)
      .def("scan_lane", &Kernels::scan_lane)
      .def("partition", &Kernels::partition);
  module.def("kernels", [](const std::string& isa) { return Kernels(isa); }, py::arg("isa"));
  module.def("cuts", &cuts, py::arg("X"), py::arg("weights"), py::arg("max_bins"), py::arg("n_jobs") = 1);
  module.def("root_histograms", &root_histograms, py::arg("X"), py::arg("cuts"), py::arg("weights"), py::arg("pairs"),
             py::arg("n_parts"));
  module.def("codes", &codes, py::arg("X"), py::arg("cuts"), py::arg("n_jobs") = 1, py::arg("by_rows") = false);
}

}  // namespace curvature
