// How much the derivatives of a tree's rows scatter.
#pragma once

#include <cstddef>
#include <vector>

#include "kernel/histogram.hpp"

namespace curvature {

/// Of each tree the weighted sum of squared gradients over that of Hessians, in the units of its pairs, which hold
/// weight times derivative. `weights` may be null (all 1).
[[nodiscard]] std::vector<double> noise_of(const std::vector<const Cell*>& pairs, std::size_t n_rows,
                                           const double* weights, int threads);

}  // namespace curvature
