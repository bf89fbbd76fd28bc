// Newton's method (iteratively reweighted least squares) with a Cholesky factor of the Hessian: few passes over many
// rows, for a moderate number of columns. Without L1 and without bounds.
#pragma once

#include "linear/objective.hpp"

namespace curvature {

/// Each iteration minimises the quadratic model of F at the current coefficients, X^T diag(h) X + diag(l2), and goes
/// along that direction as search_line says. A model that gives no fall (h is 0, or too small far from the minimum) is
/// replaced by one with the curvature of Loss::steps. The gap is half of g^T H^-1 g over |F|: what the model promises.
/// n p^2 / 2 multiply-adds an iteration.
[[nodiscard]] LinearFit newton(const Objective& objective, const Stopping& stopping, const Coefficients& start);

}  // namespace curvature
