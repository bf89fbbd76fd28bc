#include "linear/smoothing.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "linear/objective.hpp"

namespace curvature {

LinearFit fit_smoothed(const LinearProblem& problem, const Stopping& stopping, const Coefficients& start,
                       const SolveProblem& solve) {
  constexpr double kNarrower = 0.25;
  constexpr int kStages = 60;
  constexpr double kRounding = 1e-14;
  const Objective exact(problem);
  // The loss in its own unit, as its slopes are about 1: how far a row lies from its kink.
  double width = std::max(exact.value(start), std::numeric_limits<double>::min());
  SmoothedLoss smooth(problem.loss, width);
  LinearProblem rounded{problem.design,
                        problem.target,
                        smooth,
                        problem.offsets,
                        problem.l1,
                        problem.l2,
                        problem.lower,
                        problem.upper,
                        problem.fit_intercept,
                        problem.threads,
                        problem.look_for_signals};
  LinearFit best{start};
  best.objective = std::numeric_limits<double>::infinity();
  double least = -std::numeric_limits<double>::infinity();  // that F can be, as far as is known
  Coefficients from = start;
  int n_iter = 0;
  for (int stage = 0; stage < kStages && n_iter < stopping.max_iter && !best.converged; ++stage) {
    LinearFit fit = solve(rounded, {0.1 * stopping.tol, stopping.max_iter - n_iter}, from);
    n_iter += std::max(1, fit.n_iter);
    least = std::max(least, fit.objective - fit.gap * std::abs(fit.objective));
    from = fit.coefficients;
    fit.objective = exact.value(fit.coefficients);
    if (fit.objective < best.objective || stage == 0) best = std::move(fit);
    best.gap = (best.objective - least) / std::max(std::abs(best.objective), std::numeric_limits<double>::min());
    best.converged = best.gap <= std::max(stopping.tol, kRounding);
    width *= kNarrower;
    smooth.set_width(width);
  }
  best.n_iter = n_iter;
  if (best.converged) best.advice.clear();
  return best;
}

}  // namespace curvature
