#include "linear/newton.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "linear/line_search.hpp"
#include "linear/quadratic_model.hpp"

namespace curvature {
namespace {

constexpr Curvature kSafer[] = {Curvature::safe, Curvature::unit, Curvature::unit};
Curvature safer(Curvature than) { return kSafer[static_cast<int>(than)]; }

}  // namespace

LinearFit newton(const Objective& objective, const Stopping& stopping, const Coefficients& start) {
  const LinearProblem& problem = objective.problem();
  LinearFit fit{start};
  Coefficients& at = fit.coefficients;
  QuadraticModel model(objective);
  RowColumns change(problem.n_outputs(), problem.design.n_rows());
  Curvature which = Curvature::exact;
  constexpr double kRounding = 4 * std::numeric_limits<double>::epsilon();
  const auto step_back = [&] {
    const bool more = which != Curvature::unit && !problem.loss.info().unit_curvature;
    which = safer(which);
    return more;
  };
  for (; fit.n_iter < stopping.max_iter; ++fit.n_iter) {
    if (problem.look_for_signals) problem.look_for_signals();
    model.build(at, which);
    fit.objective = model.value();
    const double decrement = model.decrement();
    fit.gap = 0.5 * decrement / std::max(std::abs(fit.objective), std::numeric_limits<double>::min());
    const bool at_rest = fit.gap <= std::max(stopping.tol, kRounding);
    if (at_rest && model.is_singular() && step_back()) continue;
    const Coefficients step = model.step();
    objective.score_changes(step, change);
    const LineStep taken = search_line({objective, at, step, model.scores(), change, fit.objective, -decrement});
    if (taken.length > 0) {
      at.move(step, taken.length);
      if (problem.loss.info().has_values) fit.objective = taken.value;
    }
    if (at_rest) {
      fit.converged = true;
      ++fit.n_iter;
      break;
    }
    if (taken.length > 0) {
      which = Curvature::exact;
    } else if (!step_back()) {
      fit.gap = std::numeric_limits<double>::infinity();  // what the model promised was not there
      fit.advice = "the objective does not fall any more along Newton's steps: scale the columns, or raise alpha";
      break;
    }
  }
  return fit;
}

}  // namespace curvature
