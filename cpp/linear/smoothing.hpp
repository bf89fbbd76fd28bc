// Losses with kinks by a sequence of smooth ones.
#pragma once

#include <functional>

#include "linear/problem.hpp"
#include "linear/smoothed_loss.hpp"

namespace curvature {

using SolveProblem = std::function<LinearFit(const LinearProblem&, const Stopping&, const Coefficients& start)>;

/// Minimises F with the loss's envelope for narrower and narrower widths, each from the minimum before. The gap is what
/// F lies above that minimum of the envelope's F, a lower bound of F up to the solver's own gap.
[[nodiscard]] LinearFit fit_smoothed(const LinearProblem& problem, const Stopping& stopping, const Coefficients& start,
                                     const SolveProblem& solve);

}  // namespace curvature
