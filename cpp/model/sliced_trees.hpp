// Trees as lists of line operations, for kernel::BitSlicesKernels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernel/bit_slices.hpp"
#include "model/split_lines.hpp"
#include "model/tree.hpp"

namespace curvature {

/// Leaves are visited from the root, the child of fewer leaves first, and numbered by the Gray code of their place, so
/// that the turn to the second child flips few bits; the least number of bits is enough.
class SlicedTrees {
 public:
  /// More leaves than this in a tree are walked to faster.
  static constexpr std::size_t kMostLeaves = 4096;

  /// The trees of one output, one after another in groups whose reached lines stay in, or near, the first-level cache.
  struct Group {
    std::size_t output;
    std::size_t steps, terms, trees;  // where they begin
    std::size_t n_splits, n_twigs, n_terms, n_trees;
  };

  /// `tree_begin`: the first node of each tree.
  SlicedTrees(const TreeNodes& nodes, const std::vector<std::int64_t>& tree_begin, std::size_t n_outputs,
              const SplitLines& lines);

  [[nodiscard]] const std::vector<Group>& groups() const { return groups_; }
  /// `whole`: for a tile of rows without missing values.
  [[nodiscard]] kernel::SlicedGroup view(const Group& group, bool whole) const;
  /// What the largest group needs.
  [[nodiscard]] std::size_t most_reached() const { return most_reached_; }
  [[nodiscard]] std::size_t most_planes() const { return most_planes_; }
  [[nodiscard]] std::size_t most_trees() const { return most_trees_; }

 private:
  struct Shape;
  // Of all groups: the splits of each, then its twigs.
  struct Steps {
    std::vector<kernel::NearStep> near;
    std::vector<kernel::FarStep> far;  // used in place of those where some line's number has more than two bytes
  };

  void add_group(const TreeNodes& nodes, std::span<const Shape> shapes, std::size_t output, const SplitLines& lines);
  void add_values(const TreeNodes& nodes, const Shape& shape);
  void add_terms(std::vector<std::vector<std::uint16_t>>& reached_of_plane);

  std::vector<Group> groups_;
  Steps steps_, whole_steps_;
  std::vector<kernel::PlaneTerms> terms_;
  std::vector<kernel::SlicedTree> trees_;
  std::vector<double> values_;
  std::size_t most_reached_ = 0, most_planes_ = 0, most_trees_ = 0;
};

}  // namespace curvature
