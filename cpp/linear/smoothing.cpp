#include "linear/smoothing.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "linear/objective.hpp"

namespace curvature {

LinearFit fit_smoothed(const LinearProblem& problem, const Stopping& stopping, const Coefficients& start,
                       const SolveProblem& solve) {
  constexpr double kNarrower = 0.1;
  constexpr int kStages = 30;
  constexpr double kRounding = 1e-14;
  const Objective exact(problem);
  RowColumns f(problem.n_outputs(), problem.design.n_rows());
  const auto objective_at = [&](const Coefficients& at) {
    exact.scores(at, f);
    return exact.mean_loss(f) + exact.penalty(at);
  };
  // The loss in its own unit, as its slopes are about 1: how far a row lies from its kink.
  double width = std::max(objective_at(start), std::numeric_limits<double>::min());
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
  int n_iter = 0;
  Coefficients from = start;
  for (int stage = 0; stage < kStages && n_iter < stopping.max_iter; ++stage) {
    LinearFit fit = solve(rounded, {0.1 * stopping.tol, stopping.max_iter - n_iter}, from);
    n_iter += std::max(1, fit.n_iter);
    const double value = objective_at(fit.coefficients);
    const double size = std::max(std::abs(value), std::numeric_limits<double>::min());
    const double gap = (value - fit.objective + fit.gap * std::abs(fit.objective)) / size;
    from = fit.coefficients;
    if (value <= best.objective) {
      best = std::move(fit);
      best.objective = value;
    }
    best.gap = stage == 0 ? gap : std::min(best.gap, gap);
    best.converged = gap <= std::max(stopping.tol, kRounding);
    if (best.converged) break;
    width *= kNarrower;
    smooth.set_width(width);
  }
  best.n_iter = n_iter;
  if (best.converged) best.advice.clear();
  return best;
}

}  // namespace curvature
