// Cuts of sparse tables: from the stored values, and the weight of those that are not stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "data/table.hpp"

namespace curvature {

/// Cuts of every column, from `rows` in increasing order; weights[i] is that of rows[i] (empty: all 1), and no sum of
/// weights is rounded. The same cuts as those of the dense table.
[[nodiscard]] std::vector<std::vector<double>> sparse_cuts(const SparseRows& table,
                                                           const std::vector<std::size_t>& rows,
                                                           const std::vector<double>& weights, std::int32_t max_bins,
                                                           int threads);

}  // namespace curvature
