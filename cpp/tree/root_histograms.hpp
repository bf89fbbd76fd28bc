// Histograms of all rows for several trees at once: the roots of the trees of a round.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "data/cell_rows.hpp"
#include "kernel/histogram.hpp"
#include "tree/histogram_pool.hpp"
#include "tree/row_partition.hpp"

namespace curvature {

/// Made once a fit. Trees come in groups of kernel::kFewTrees or kMostTrees, rows in parts; a worker takes up a part of
/// a group, adds its tiles and puts down the sums. Then `take` may be called from any thread.
class RootHistograms {
 public:
  /// Null where the lists of rows may take more than `most_bytes`, or nothing is to be searched. `counts_rows`: those
  /// of a sparse matrix, for the histograms' counts.
  static std::unique_ptr<RootHistograms> make(const BinnedMatrix& matrix, const HistogramLayout& layout,
                                              const RowPartition& partition, std::size_t most_bytes, bool counts_rows,
                                              int threads);
  /// `slot_weights` or `counts`: of a sparse matrix, as in `NodeHistogram`.
  RootHistograms(CellRows rows, std::vector<std::uint64_t> slot_weights, std::vector<RowCount> counts, int threads);

  [[nodiscard]] const CellRows& rows() const { return rows_; }
  /// Room for the sums of `n_trees`, a multiple of kFewTrees, in `n_parts`.
  void make_room(std::size_t n_trees, std::size_t n_parts);
  [[nodiscard]] std::size_t bytes_a_tree() const { return (rows_.cells().size() + 1) * sizeof(Cell); }

  void take_up(int worker, std::size_t group_size);
  /// `pairs`: of the tile's rows, side by side.
  void add(int worker, std::size_t group_size, std::size_t tile, const Cell* pairs, std::size_t n_rows);
  void put_down(int worker, std::size_t group_size, std::size_t first_tree, std::size_t part);

  /// Fills the histogram of a tree's root; returns the sum of its pairs.
  Cell take(std::size_t tree, NodeHistogram& histogram) const;

 private:
  [[nodiscard]] std::size_t place(std::size_t tree, std::size_t part) const { return part * n_trees_ + tree; }

  CellRows rows_;
  std::vector<std::uint64_t> slot_weights_;
  std::vector<RowCount> counts_;
  std::vector<AlignedBuffer<Cell>> by_worker_;  // the listed cells and the totals, a group side by side
  std::size_t n_trees_ = 0;
  std::size_t n_parts_ = 0;
  AlignedBuffer<Cell> sums_;  // the same, part by part and tree by tree
};

/// A tree whose root may have its histogram already.
struct KnownRoot {
  const RootHistograms* histograms = nullptr;  // null: it has not
  std::size_t tree = 0;
  double noise = 0;  // where the grower needs it
};

}  // namespace curvature
