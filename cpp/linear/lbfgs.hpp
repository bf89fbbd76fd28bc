// Limited-memory BFGS on preconditioned columns: for many columns, and for losses of several scores.
#pragma once

#include "linear/objective.hpp"

namespace curvature {

/// The two-loop recursion (Nocedal 1980) over the last steps, with an approximate inverse of the Hessian in its middle;
/// two products with the design an iteration. The gap is half of g^T B g over |F|, with B the inverse Hessian as the
/// recursion has it: an estimate, not a bound.
[[nodiscard]] LinearFit lbfgs(const Objective& objective, const Stopping& stopping, const Coefficients& start);

}  // namespace curvature
