// The search of nodes of few rows, for a chosen instruction set: for the tests.
#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include <pybind11/stl.h>

#include "bind/array.hpp"
#include "bind/register.hpp"
#include "kernel/sorted_scan.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

using Cells = py::array_t<Cell, py::array::c_style | py::array::forcecast>;
using Codes = py::array_t<std::uint8_t, py::array::c_style>;
using Rows = py::array_t<RowIndex, py::array::c_style | py::array::forcecast>;

template <class T>
AlignedBuffer<bool> flags(const std::vector<T>& values) {
  AlignedBuffer<bool> own(values.size());
  std::copy(values.begin(), values.end(), own.data());
  return own;
}

// codes and pairs: of all rows, (n, columns) and (n); rows: of the node. Of each column the score,
// bin, side of missing values and sum of the left child, and the rows before the cut and missing.
py::list sorted_scan(const std::string& isa, const Codes& codes, const Cells& pairs, const Rows& rows,
                     std::size_t least, double lambda, double min_hessian, const std::vector<bool>& searched,
                     const std::vector<bool>& held) {
  const auto n_rows = static_cast<std::size_t>(codes.shape(0)), n_columns = static_cast<std::size_t>(codes.shape(1));
  const std::size_t stride = n_rows + 3, n_words = (n_rows + 63) / 64;
  std::vector<Cell> sorted_pairs(n_columns * stride);
  std::vector<std::uint8_t> sorted_codes(n_columns * stride);
  std::vector<std::uint32_t> bits(n_rows * n_columns);
  std::vector<std::uint64_t> members(n_columns * n_words);
  std::vector<bool> has_missing(n_columns);
  for (std::size_t c = 0; c < n_columns; ++c) {
    const auto code = [&](std::size_t row) { return codes.data()[row * n_columns + c]; };
    std::vector<std::size_t> order(n_rows);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return code(a) < code(b); });
    for (std::size_t place = 0; place < n_rows; ++place) {
      sorted_pairs[c * stride + place] = pairs.data()[order[place]];
      sorted_codes[c * stride + place] = code(order[place]);
      bits[order[place] * n_columns + c] = static_cast<std::uint32_t>(c * n_words * 64 + place);
    }
    has_missing[c] = n_rows > 0 && code(order[0]) == 0;
  }
  const AlignedBuffer<bool> own_missing = flags(has_missing), own_searched = flags(searched), own_held = flags(held);
  const Cell sum = std::accumulate(rows.data(), rows.data() + rows.size(), Cell{0},
                                   [&](Cell all, RowIndex row) { return all + pairs.data()[row]; });
  const kernel::SortedScanTable& table = kernel::sorted_scan_table(instruction_set_named(isa.c_str()));
  const auto n_members = static_cast<std::size_t>(rows.size());
  table.mark({bits.data(), n_columns, rows.data(), n_members, members.data()});
  kernel::SortedScratch scratch(n_columns, n_rows);
  kernel::SortedScanTask task;
  task.gradient = static_cast<double>(gradient_sum(sum));
  task.hessian = static_cast<double>(hessian_sum(sum));
  task.lambda = lambda;
  task.min_hessian = min_hessian;
  task.columns = {n_columns, n_rows, stride, n_words, sorted_pairs.data(), sorted_codes.data(), own_missing.data()};
  task.members = members.data();
  task.n_members = n_members;
  task.least = least;
  task.searched = own_searched.data();
  task.held = own_held.data();
  task.scratch = &scratch;
  std::vector<kernel::SortedCut> cuts(n_columns);
  table.scan(task, cuts.data());
  py::list out;
  for (const kernel::SortedCut& cut : cuts) {
    out.append(py::make_tuple(cut.score, cut.bin, cut.missing_left, cut.left_sum, cut.n_before, cut.n_missing));
  }
  return out;
}

}  // namespace

void register_sorted_kernels(py::module_& module) {
  module.def("sorted_scan", &sorted_scan, py::arg("isa"), py::arg("codes"), py::arg("pairs"), py::arg("rows"),
             py::arg("least"), py::arg("reg_lambda"), py::arg("min_hessian"), py::arg("searched"), py::arg("held"));
}

}  // namespace curvature
