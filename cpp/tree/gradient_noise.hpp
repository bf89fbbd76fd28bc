// How far the gradients of a tree's rows spread: what splits of categories have to rise above.
#pragma once

#include <cstddef>

#include "kernel/histogram.hpp"

namespace curvature {

/// The weighted sum of squared gradients over that of Hessians, in quantized units; 0 where no row has a Hessian.
/// `weights` may be null (all 1). The same bits for any number of threads.
[[nodiscard]] double gradient_noise(const Cell* pairs, const double* weights, std::size_t n_rows, int threads);

}  // namespace curvature
