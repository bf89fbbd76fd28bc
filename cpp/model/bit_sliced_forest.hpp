// All trees of a forest at once on tiles of rows, one bit a row and node: the engine of large batches.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "data/table.hpp"
#include "model/sliced_trees.hpp"
#include "model/split_lines.hpp"
#include "model/tree.hpp"

namespace curvature {

/// Immutable, and safe to use from several threads at once.
class BitSlicedForest {
 public:
  /// Null where a tree has too many leaves or a feature too many thresholds. The cost is that of walking a few
  /// hundred rows: about 0.1 microseconds a node.
  [[nodiscard]] static std::unique_ptr<const BitSlicedForest> make(const TreeNodes& nodes,
                                                                   const std::vector<std::int64_t>& tree_begin,
                                                                   std::size_t n_outputs);

  /// scores[i * n_outputs + k] += the leaf values of row i in the trees of output k, in their order: the same bits as
  /// those of walking them.
  void add_scores(const Table& table, double* scores, int threads) const;

 private:
  BitSlicedForest(SplitLines lines, SlicedTrees trees, std::size_t n_trees, std::size_t n_outputs);

  SplitLines lines_;
  SlicedTrees trees_;
  std::size_t n_trees_;
  std::size_t n_outputs_;
};

/// The engine of one forest, made when enough rows have come to be worth it. Safe to ask from several threads at once.
class LazyBitSlicedForest {
 public:
  static constexpr std::size_t kFewRows = 64;  // fewer are walked: that costs about as much as a tile

  /// Null where the batch is small, where all rows so far are too few, or where there can be none. The arguments past
  /// the first are always the same.
  const BitSlicedForest* of_batch(std::size_t n_rows, const TreeNodes& nodes,
                                  const std::vector<std::int64_t>& tree_begin, std::size_t n_outputs);
  [[nodiscard]] bool is_made() const { return made_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> made_ = false;
  std::atomic<std::size_t> rows_seen_ = 0;
  std::once_flag once_;
  std::unique_ptr<const BitSlicedForest> engine_;
};

}  // namespace curvature
