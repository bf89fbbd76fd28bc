#include "tree/root_histograms.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "kernel/transpose.hpp"

namespace curvature {
namespace {

std::vector<RowCount> count_all_rows(const SparseCodes& codes, const HistogramLayout& layout, std::size_t n_rows) {
  std::vector<RowCount> counts(layout.cells);
  for (std::size_t slot = 0; slot < layout.words.size() * kWordSlots; ++slot) {
    const kernel::SparseColumn column = codes.column(slot);
    const auto count = [&](std::int32_t code) -> RowCount& {
      return counts[cell_index(layout.words[slot / kWordSlots], static_cast<int>(slot % kWordSlots), code)];
    };
    for (std::size_t i = 0; i < column.size; ++i) ++count(column.codes[i]);
    count(column.default_code) = static_cast<RowCount>(n_rows - column.size);
  }
  return counts;
}

}  // namespace

std::unique_ptr<RootHistograms> RootHistograms::make(const BinnedMatrix& matrix, const HistogramLayout& layout,
                                                     const RowPartition& partition, std::size_t most_bytes,
                                                     bool counts_rows, int threads) {
  if (layout.words.empty()) return nullptr;
  std::optional<CellRows> rows = CellRows::make(matrix, layout, most_bytes, threads);
  if (!rows) return nullptr;
  std::vector<std::uint64_t> slot_weights;
  std::vector<RowCount> counts;
  for (std::size_t slot = 0; matrix.is_sparse() && slot < layout.words.size() * kWordSlots; ++slot) {
    const kernel::SparseColumn column = matrix.sparse().column(slot);
    slot_weights.push_back(partition.weight(column.rows, column.size));
  }
  if (counts_rows) counts = count_all_rows(matrix.sparse(), layout, matrix.n_rows());
  return std::make_unique<RootHistograms>(std::move(*rows), std::move(slot_weights), std::move(counts), threads);
}

RootHistograms::RootHistograms(CellRows rows, std::vector<std::uint64_t> slot_weights, std::vector<RowCount> counts,
                               int threads)
    : rows_(std::move(rows)),
      slot_weights_(std::move(slot_weights)),
      counts_(std::move(counts)),
      by_worker_(static_cast<std::size_t>(std::max(1, threads))) {}

void RootHistograms::make_room(std::size_t n_trees, std::size_t n_parts) {
  n_trees_ = n_trees;
  n_parts_ = n_parts;
  const std::size_t n_cells = (rows_.cells().size() + 1) * n_trees * n_parts;
  if (sums_.size() < n_cells) sums_ = AlignedBuffer<Cell>(n_cells);
}

void RootHistograms::take_up(int worker, std::size_t group_size) {
  AlignedBuffer<Cell>& own = by_worker_[static_cast<std::size_t>(worker)];
  const std::size_t n_cells = rows_.cells().size() + 1;
  if (own.empty()) own = AlignedBuffer<Cell>(n_cells * kernel::kMostTrees);
  std::fill_n(own.data(), n_cells * group_size, Cell{0});
}

void RootHistograms::add(int worker, std::size_t group_size, std::size_t tile, const Cell* pairs, std::size_t n_rows) {
  Cell* const own = by_worker_[static_cast<std::size_t>(worker)].data();
  const CellRows::Tile& listed = rows_.tile(tile);
  kernel::AddRunsTask task;
  task.n_trees = group_size;
  task.runs = listed.runs.data();
  task.n_runs = listed.runs.size();
  task.rows = listed.rows.data();
  task.pairs = pairs;
  task.n_rows = n_rows;
  task.cells = own;
  task.totals = own + rows_.cells().size() * group_size;
  kernel::cell_runs_table().add(task);
}

void RootHistograms::put_down(int worker, std::size_t group_size, std::size_t first_tree, std::size_t part) {
  const Cell* const own = by_worker_[static_cast<std::size_t>(worker)].data();
  const std::size_t n_cells = rows_.cells().size() + 1;
  kernel::rows_to_columns([&](std::size_t cell) { return reinterpret_cast<const std::byte*>(own + cell * group_size); },
                          n_cells, group_size, sums_.data() + place(first_tree, part) * n_cells, n_cells);
}

Cell RootHistograms::take(std::size_t tree, NodeHistogram& histogram) const {
  const std::size_t n_listed = rows_.cells().size();
  const auto sum = [&](std::size_t i) {
    Cell all = 0;
    for (std::size_t part = 0; part < n_parts_; ++part) all += sums_[place(tree, part) * (n_listed + 1) + i];
    return all;
  };
  const Cell total = sum(n_listed);
  Cell* const cells = histogram.cells.data();
  std::fill_n(cells, histogram.cells.size(), Cell{0});
  for (const CellRows::Slot& slot : rows_.slots()) {
    Cell left = total;
    for (std::size_t i = slot.first; i < slot.last; ++i) {
      const Cell own = sum(i);
      cells[rows_.cells()[i]] = own;
      left -= own;
    }
    cells[slot.usual_cell] = left;
  }
  if (counts_.empty()) {
    histogram.weights = slot_weights_;
  } else {
    std::copy(counts_.begin(), counts_.end(), histogram.counts.data());
  }
  return total;
}

}  // namespace curvature
