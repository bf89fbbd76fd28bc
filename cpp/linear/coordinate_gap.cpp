#include "linear/coordinate_gap.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "linear/column_penalty.hpp"

namespace curvature {
namespace {

// Whether no bound stops a weight on the side to which this gradient pulls.
bool is_unbounded(const ColumnPenalty& penalty, double gradient) {
  return std::isinf(gradient < 0 ? penalty.upper : penalty.lower);
}

// Sums over all weights but the free ones, with the gradient times `scale`.
struct Sums {
  double penalty = 0;
  double product = 0;  // G b
  // Where a bound or an L2 part keeps r*(-G) finite, and the largest (|G| / l1 - 1)+ where only |G| <= l1 does.
  double conjugate = 0;
  double cone_excess = 0;
  // The same where a ball, a limit of the sum of l1 |b|, serves all weights that have an L1 part and no bound.
  double conjugate_outside = 0;
  double ball_excess = 0;
  double in_ball = 0;  // sum of l1 |b| over those weights
};

Sums sums_of(const LinearProblem& problem, const PenalisedPoint& point, double scale) {
  Sums sums;
  for (std::size_t k = 0; k < point.at.n_outputs(); ++k) {
    for (std::size_t j = 0; j < point.at.n_columns; ++j) {
      const ColumnPenalty penalty = penalty_of(problem, j);
      if (penalty.is_free()) continue;
      const double b = point.at.of(k)[j];
      const double gradient = scale * point.gradient.of(k)[j];
      sums.penalty += penalty.value(b);
      sums.product += gradient * b;
      const double conjugate = penalty.conjugate(-gradient);
      double excess = 0;
      if (std::abs(gradient) > penalty.l1) {
        excess = penalty.l1 > 0 ? std::abs(gradient) / penalty.l1 - 1 : std::numeric_limits<double>::infinity();
      }
      const bool in_cone = is_unbounded(penalty, gradient) && penalty.l2 == 0;
      const bool in_ball = is_unbounded(penalty, gradient) && (penalty.l1 > 0 || penalty.l2 == 0);
      if (in_cone) {
        sums.cone_excess = std::max(sums.cone_excess, excess);
      } else {
        sums.conjugate += conjugate;
      }
      if (in_ball) {
        sums.ball_excess = std::max(sums.ball_excess, excess);
        sums.in_ball += penalty.l1 * std::abs(b);
      } else {
        sums.conjugate_outside += conjugate;
      }
    }
  }
  return sums;
}

double free_part(const LinearProblem& problem, const PenalisedPoint& point) {
  const auto estimate = [](double gradient, double curvature) {
    return curvature > 0 ? gradient * gradient / curvature : 0.0;
  };
  double sum = 0;
  for (std::size_t k = 0; k < point.at.n_outputs(); ++k) {
    if (problem.fit_intercept) sum += estimate(point.gradient.intercepts[k], point.total_curvature[k]);
    for (std::size_t j = 0; j < point.at.n_columns; ++j) {
      if (!penalty_of(problem, j).is_free()) continue;
      sum += estimate(point.gradient.of(k)[j], point.curvatures[k * point.at.n_columns + j]);
    }
  }
  return sum;
}

// The dual objective of squared loss at the residuals times s is s (2 loss - G b) - s^2 loss - sum of r*(-s G).
double scaled_residual_gap(const LinearProblem& problem, const PenalisedPoint& point, const Sums& sums) {
  const double linear = 2 * point.loss - sums.product;
  double scale = point.loss > 0 ? std::clamp(linear / (2 * point.loss), 0.0, 1.0) : 1.0;
  scale = std::min(scale, 1 / (1 + sums.cone_excess));
  const double conjugate = sums_of(problem, point, scale).conjugate;
  return point.objective - (scale * linear - scale * scale * point.loss - conjugate);
}

}  // namespace

double relative_gap(const LinearProblem& problem, const PenalisedPoint& point) {
  const Sums sums = sums_of(problem, point, 1.0);
  const double size = std::abs(point.objective);
  const double infinity = std::numeric_limits<double>::infinity();
  if (!std::isfinite(size)) return infinity;
  // Fenchel and Young: at least 0 but for rounding.
  double gap = sums.cone_excess > 0 ? infinity : std::max(0.0, sums.penalty + sums.product + sums.conjugate);
  if (std::isfinite(sums.ball_excess)) {
    // F need not limit the sum where the loss may fall below 0. In a ball that has the point well inside, the gap is 0
    // at the least F alone.
    const double radius = std::max({size, 2 * sums.in_ball, std::numeric_limits<double>::min()});
    const double gap_in_ball = sums.penalty + sums.product + sums.conjugate_outside + radius * sums.ball_excess;
    gap = std::min(gap, std::max(0.0, gap_in_ball));
  }
  if (problem.loss.info().name == "squared") {
    gap = std::min(gap, std::max(0.0, scaled_residual_gap(problem, point, sums)));
  }
  gap += free_part(problem, point);
  return gap == 0 ? 0.0 : gap / size;
}

}  // namespace curvature
