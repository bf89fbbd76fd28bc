// Scores of a few rows of plain numbers, one row at a time: no table, no lock, no thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernel/row_walk.hpp"
#include "model/forest.hpp"

namespace curvature {

/// A plan of a forest's trees. The forest must outlive it.
class RowWalk {
 public:
  /// Whether the forest has splits of numbers only, and columns and trees that the plan can count.
  [[nodiscard]] static bool fits(const Forest& forest);

  explicit RowWalk(const Forest& forest);

  /// scores[i * n_outputs + t % n_outputs] += the leaf value of row i in tree t, tree by tree: the bits of
  /// Forest::add_scores. `rows` holds all features of one row after another; X is float or double.
  template <class X>
  void add_scores(const X* rows, std::size_t n_rows, double* scores) const;

 private:
  void plan_tree(std::size_t tree);
  void group_trees();
  void add_row(const std::uint64_t* keys, double* scores) const;

  const Forest& forest_;
  std::vector<std::uint32_t> columns_;  // that some split uses
  // Of every node, in an order of their own.
  std::vector<std::uint64_t> thresholds_;  // of a leaf its value
  std::vector<kernel::RowStep> steps_;
  std::vector<std::int32_t> depth_;  // of every tree
  std::vector<kernel::TreeGroup> groups_;
};

extern template void RowWalk::add_scores(const float*, std::size_t, double*) const;
extern template void RowWalk::add_scores(const double*, std::size_t, double*) const;

}  // namespace curvature
