#include "linear/newton_cg.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "linear/conjugate_gradients.hpp"

namespace curvature {
LinearFit newton_cg(const Objective& objective, const Stopping& stopping, const Coefficients& start) {
  constexpr double kRounding = 4 * std::numeric_limits<double>::epsilon();
  constexpr double kWidest = 0.25;  // share of the slope that a step may leave
  LinearFit fit{start};
  Walk walk(objective, start);
  const LinearProblem& problem = walk.problem();
  HessianProducts hessian(objective, walk);
  Curvature which = Curvature::exact;
  walk.refresh(which);
  double first = 0;  // decrement of the first step
  double last = 0;
  while (fit.n_iter < stopping.max_iter) {
    if (problem.look_for_signals) problem.look_for_signals();
    const Preconditioner preconditioner(objective, walk.centers(), walk.g(), walk.h());
    hessian.renew(which);
    const double progress = first > 0 ? std::sqrt(last / first) : 1;
    const auto [direction, solved] =
        newton_direction(hessian, preconditioner, walk.slope(), std::min(kWidest, 0.3 * progress));
    const double along = dot(direction, walk.slope());
    last = -along;
    if (first == 0) first = last;
    fit.gap = -0.5 * along / std::max(std::abs(walk.value()), std::numeric_limits<double>::min());
    if (!std::isfinite(walk.value())) fit.gap = std::numeric_limits<double>::infinity();
    fit.converged = which == Curvature::exact && solved && along <= 0 && fit.gap <= std::max(stopping.tol, kRounding);
    ++fit.n_iter;
    const double length = along < 0 ? walk.go(direction, along) : 0;
    if (fit.converged) break;
    if (length > 0) {
      which = Curvature::exact;
    } else if (which == Curvature::unit) {
      fit.advice = "the objective does not fall any more: scale the columns, or raise alpha";
      break;
    } else {
      which = which == Curvature::exact ? Curvature::safe : Curvature::unit;
      walk.refresh(which);
    }
  }
  fit.coefficients = walk.at();
  fit.objective = walk.value();
  return fit;
}

}  // namespace curvature
