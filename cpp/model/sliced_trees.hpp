// Trees as lists of line operations, for kernel::BitSlicesTable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernel/bit_slices.hpp"
#include "model/tree.hpp"

namespace curvature {

/// Leaves are visited from the root, the child of fewer leaves first, and numbered by the Gray code of their place, so
/// that the turn to the second child flips few bits; the least number of bits is enough.
class SlicedTrees {
 public:
  /// More leaves than this in a tree are walked to faster.
  static constexpr std::size_t kMostLeaves = 4096;

  /// The trees of one output, one after another in groups whose reached lines stay in the first-level cache.
  struct Group {
    std::size_t output;
    std::size_t splits, twigs, terms, trees;  // where they begin
    std::size_t n_splits, n_twigs, n_terms, n_trees;
  };

  /// `tree_begin`: the first node of each tree; `lines`: of each node, the line of the rows it sends right.
  SlicedTrees(const TreeNodes& nodes, const std::vector<std::int64_t>& tree_begin, std::size_t n_outputs,
              const std::vector<std::uint32_t>& lines);

  [[nodiscard]] const std::vector<Group>& groups() const { return groups_; }
  [[nodiscard]] kernel::SlicedGroup view(const Group& group) const;
  /// What the largest group needs.
  [[nodiscard]] std::size_t most_reached() const { return most_reached_; }
  [[nodiscard]] std::size_t most_planes() const { return most_planes_; }
  [[nodiscard]] std::size_t most_trees() const { return most_trees_; }

 private:
  struct Shape;

  void add_group(const TreeNodes& nodes, std::span<const Shape> shapes, std::size_t output,
                 const std::vector<std::uint32_t>& lines);
  void add_values(const TreeNodes& nodes, const Shape& shape);
  void add_terms(std::vector<std::vector<std::uint32_t>>& reached_of_plane);

  std::vector<Group> groups_;
  std::vector<kernel::SplitStep> splits_, twigs_;
  std::vector<kernel::PlaneTerms> terms_;
  std::vector<kernel::SlicedTree> trees_;
  std::vector<double> values_;
  std::size_t most_reached_ = 0, most_planes_ = 0, most_trees_ = 0;
};

}  // namespace curvature
