// Limited-memory BFGS on preconditioned columns: for many columns, and for losses of several scores.
#pragma once

#include "linear/objective.hpp"

namespace curvature {

/// The two-loop recursion (Nocedal 1980) over the last steps, with an approximate inverse of the Hessian in its middle;
/// two products with the design an iteration. The gap is half of -g^T d over |F|, with d Newton's direction by
/// conjugate gradients once the recursion holds that the minimum is near; of losses without all second derivatives the
/// recursion's own, an estimate.
[[nodiscard]] LinearFit lbfgs(const Objective& objective, const Stopping& stopping, const Coefficients& start);

}  // namespace curvature
