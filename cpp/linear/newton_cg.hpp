// Newton's method without a Hessian: each step by conjugate gradients, for very many columns.
#pragma once

#include "linear/objective.hpp"

namespace curvature {

/// Steps solve H d = -g by conjugate gradients, the closer the nearer the minimum is. For losses of one score, or with
/// mixed derivatives. The gap is half of -g^T d over |F|, with d solved to a share of at most a quarter.
[[nodiscard]] LinearFit newton_cg(const Objective& objective, const Stopping& stopping, const Coefficients& start);

}  // namespace curvature
