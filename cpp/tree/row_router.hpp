// Sends the rows of a matrix down the splits of a tree that was grown on some of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "data/binned_matrix.hpp"
#include "tree/row_partition.hpp"
#include "tree/split_search.hpp"

namespace curvature {

/// Where rows go on from a node.
struct Route {
  const SplitCandidate* split = nullptr;  // null: nowhere
  std::size_t next = 0;                   // the left child, the right one being the next; or the number of the leaf
};

/// Writes the leaf of every row of positive weight and returns the weights of the leaves, in steps of the partition,
/// whose rows are lost. Tile by tile: a tile's rows and codes stay near from the root to its leaves.
std::vector<std::uint64_t> send_rows(const std::vector<Route>& routes, std::size_t n_leaves, const BinnedMatrix& matrix,
                                     RowPartition& partition, int threads, std::uint32_t* leaves);

}  // namespace curvature
