#include "linear/largest_alpha.hpp"

#include <algorithm>
#include <cmath>

#include "linear/column_penalty.hpp"
#include "linear/coordinate_descent.hpp"

namespace curvature {

double largest_alpha(const Objective& objective, double l1_ratio) {
  LinearProblem problem = objective.problem();
  const std::size_t p = problem.design.n_columns();
  std::vector<ColumnPenalty> penalties;
  problem.lower.resize(p);
  problem.upper.resize(p);
  for (std::size_t j = 0; j < p; ++j) {
    penalties.push_back(penalty_of(objective.problem(), j));
    const bool is_penalised = penalties[j].l1 + penalties[j].l2 > 0;
    problem.lower[j] = is_penalised ? 0.0 : penalties[j].lower;
    problem.upper[j] = is_penalised ? 0.0 : penalties[j].upper;
  }
  const Objective held(problem);
  const Coefficients at = coordinate_descent(held, {1e-14, 100}, Coefficients(problem.n_outputs(), p)).coefficients;

  RowColumns f(problem.n_outputs(), problem.design.n_rows());
  RowColumns g(problem.n_outputs(), problem.design.n_rows());
  RowColumns h(problem.n_outputs(), problem.design.n_rows());
  Coefficients gradient(problem.n_outputs(), p);
  held.scores(at, f);
  held.row_derivatives(f, Curvature::exact, g, h);
  held.loss_gradient(g, gradient);
  double largest = 0;
  for (std::size_t k = 0; k < problem.n_outputs(); ++k) {
    for (std::size_t j = 0; j < p; ++j) {
      const double slope = gradient.of(k)[j];
      const double factor = penalties[j].l1 + penalties[j].l2;
      if (factor == 0 || (slope < 0 ? penalties[j].upper : penalties[j].lower) == 0) continue;
      largest = std::max(largest, std::abs(slope) / (l1_ratio * factor));
    }
  }
  return largest;
}

}  // namespace curvature
