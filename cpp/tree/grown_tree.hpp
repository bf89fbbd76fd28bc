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

  void reserve(std::size_t n_nodes);
  void append_leaf(double weight, RowSegment rows);
  /// `left`: the node that will be its left child.
  void append_split(double weight, const SplitCandidate& split, std::int32_t feature, const BinMapper& mapper,
                    std::size_t left);
};

}  // namespace curvature
