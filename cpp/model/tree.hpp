// Trees as flat arrays: what is grown, stored and walked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace curvature {

inline constexpr std::int32_t kLeaf = -1;
inline constexpr std::int32_t kNoSet = -1;

/// Sets of category codes, a bit a code: set i has the words [begin[i], begin[i + 1]).
struct CodeSets {
  std::vector<std::int64_t> begin{0};
  std::vector<std::uint32_t> words;

  [[nodiscard]] std::size_t size() const { return begin.size() - 1; }
  /// The codes whose side is not `side`.
  void append(const std::vector<std::uint8_t>& sides, bool side);
  void append(const CodeSets& other);
};

/// Nodes of one tree or of many in a row, an array a field. Node 0 of a tree is its root; children point forward, and
/// the right child follows the left one. A row goes left where x <= threshold, or where x is NaN and missing_left. A
/// split of a category has a set: its codes, code 0 for missing, go to the side that missing_left does not tell, all
/// others to the side that it tells.
struct TreeNodes {
  std::vector<std::int32_t> feature;  // kLeaf for a leaf
  std::vector<double> threshold;      // never NaN; +inf sends every number left; 0 where there is a set
  std::vector<std::int32_t> set;      // of `sets`; kNoSet for numbers and leaves
  std::vector<std::int32_t> left;     // index of the left child within the tree; 0 for a leaf
  std::vector<std::uint8_t> missing_left;
  std::vector<double> value;  // of a leaf, shrinkage included; 0 elsewhere
  std::vector<double> gain;   // of a split: the fall of the objective
  std::vector<double> cover;  // total weight of the training rows that reached the node

  CodeSets sets;

  [[nodiscard]] std::size_t size() const { return feature.size(); }
  void append(const TreeNodes& other);
};

}  // namespace curvature
