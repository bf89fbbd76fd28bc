// A tree just grown, node by node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "data/bin_mapper.hpp"
#include "model/tree.hpp"
#include "tree/row_partition.hpp"
#include "tree/split_search.hpp"

namespace curvature {

/// A tree without leaf values, and the stretch of rows that each leaf holds.
struct GrownTree {
  struct Leaf {
    std::int32_t node;
    RowSegment rows;
  };
  TreeNodes nodes;
  std::vector<Leaf> leaves;

  /// Nodes level by level, so that children point forward and the right one follows the left. append(tree, node, left)
  /// appends a grower's node, whose left child will be `left`, and returns the grower's number of that child, the right
  /// one being the next; 0, the root's, for a leaf.
  template <class Append>
  static GrownTree level_by_level(std::size_t n_nodes, Append&& append) {
    GrownTree tree;
    tree.reserve(n_nodes);
    std::vector<std::size_t> order{0};
    order.reserve(n_nodes);
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::size_t left = append(tree, order[i], order.size());
      if (left == 0) continue;
      order.push_back(left);
      order.push_back(left + 1);
    }
    return tree;
  }

  void reserve(std::size_t n_nodes);
  void append_leaf(double weight, RowSegment rows);
  /// `left`: the node that will be its left child.
  void append_split(double weight, const SplitCandidate& split, std::int32_t feature, const BinMapper& mapper,
                    std::size_t left);
};

}  // namespace curvature
