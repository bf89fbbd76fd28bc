// The penalty and the bounds of one weight, and what a coordinate step needs of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "linear/problem.hpp"

namespace curvature {

/// r(b) = l1 |b| + l2 / 2 b^2 for lower <= b <= upper, infinite elsewhere; lower <= 0 <= upper.
struct ColumnPenalty {
  double l1 = 0;
  double l2 = 0;
  double lower = -std::numeric_limits<double>::infinity();
  double upper = std::numeric_limits<double>::infinity();

  [[nodiscard]] double value(double b) const { return l1 * std::abs(b) + 0.5 * l2 * b * b; }
  /// Whether nothing holds this weight: no penalty, no bound.
  [[nodiscard]] bool is_free() const { return l1 == 0 && l2 == 0 && std::isinf(lower) && std::isinf(upper); }

  /// The x with the least slope (x - b) + curvature / 2 (x - b)^2 + r(x); curvature + l2 > 0.
  [[nodiscard]] double minimiser(double b, double slope, double curvature) const {
    const double pull = curvature * b - slope;
    const double shrunk = pull > l1 ? pull - l1 : pull < -l1 ? pull + l1 : 0.0;
    return std::clamp(shrunk / (curvature + l2), lower, upper);
  }

  /// How much faster than 0 the sum of r and a function of this slope falls from b in the better direction.
  [[nodiscard]] double violation(double b, double slope) const {
    const double smooth = slope + l2 * b;
    const double up = b < upper ? -(smooth + (b >= 0 ? l1 : -l1)) : 0.0;
    const double down = b > lower ? smooth + (b > 0 ? l1 : -l1) : 0.0;
    return std::max({0.0, up, down});
  }

  /// sup over b of u b - r(b), r's conjugate.
  [[nodiscard]] double conjugate(double u) const {
    const double excess = std::abs(u) - l1;
    if (excess <= 0) return 0.0;
    const double limit = u > 0 ? upper : -lower;
    if (limit == 0) return 0.0;
    const double size = l2 > 0 ? std::min(excess / l2, limit) : limit;
    return size * (excess - (l2 > 0 ? 0.5 * l2 * size : 0.0));
  }
};

[[nodiscard]] inline ColumnPenalty penalty_of(const LinearProblem& problem, std::size_t column) {
  ColumnPenalty found{problem.l1[column], problem.l2[column]};
  if (!problem.lower.empty()) found.lower = problem.lower[column];
  if (!problem.upper.empty()) found.upper = problem.upper[column];
  return found;
}

}  // namespace curvature
