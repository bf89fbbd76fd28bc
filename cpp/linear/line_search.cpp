#include "linear/line_search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace curvature {

namespace {

constexpr double kFall = 1e-4;      // of what the slope promises
constexpr double kLessSteep = 0.9;  // of the slope at the start

// Whether F has fallen enough; and if not, the step was too long.
bool falls(const LinePoint& start, const LinePoint& end, double length, bool has_values) {
  if (!std::isfinite(end.slope)) return false;
  if (!has_values) return end.slope <= -kLessSteep * start.slope;
  if (end.value <= start.value + kFall * length * start.slope) return true;
  // Values this close to each other cannot be told apart; then the slopes decide.
  const double rounding = 16 * std::numeric_limits<double>::epsilon() * std::abs(start.value);
  return end.value <= start.value + rounding && std::abs(end.slope) <= -kLessSteep * start.slope;
}

bool is_less_steep(const LinePoint& start, const LinePoint& end) { return end.slope >= kLessSteep * start.slope; }

}  // namespace

bool ends_well(const LinePoint& start, const LinePoint& end, double length, bool has_values) {
  return falls(start, end, length, has_values) && is_less_steep(start, end);
}

LineStep search_line(const Line& line) {
  constexpr int kLooks = 50;
  const bool has_values = line.objective.problem().loss.info().has_values;
  const Objective::Parabola ridge = line.objective.ridge_along(line.at, line.direction);
  const double penalty = line.objective.penalty(line.at);
  const LinePoint start{line.value, line.slope};

  double low = 0;
  double low_slope = start.slope;
  double high = std::numeric_limits<double>::infinity();
  double high_slope = std::numeric_limits<double>::quiet_NaN();
  LineStep best;
  double step = 1;
  for (int look = 0; look < kLooks; ++look) {
    const Objective::Along along = line.objective.mean_loss_along(line.f, line.change, step);
    const LinePoint end{along.value + penalty + step * (ridge.slope + step * ridge.half_bend),
                        along.slope + ridge.slope + 2 * step * ridge.half_bend};
    if (!falls(start, end, step, has_values)) {
      high = step;
      high_slope = end.slope;
    } else if (!is_less_steep(start, end)) {
      low = step;
      low_slope = end.slope;
      best = {step, end.value};
    } else {
      return {step, end.value};
    }
    if (std::isinf(high)) {
      step *= 2;
      continue;
    }
    // Where the slope would be 0 by the straight line through both ends, if that is well inside.
    const double width = high - low;
    if (!(width > 1e-12 * high)) break;
    const double flat_at = high_slope > 0 ? low_slope / (low_slope - high_slope) : 0.5;
    step = low + width * (look % 3 == 2 ? 0.5 : std::clamp(flat_at, 0.1, 0.9));
  }
  return best;
}

}  // namespace curvature
