// How far to go along a direction.
#pragma once

#include "linear/objective.hpp"

namespace curvature {

/// A point of the search: its scores are known, so that a look at another step costs no product with the design.
struct Line {
  const Objective& objective;
  const Coefficients& at;
  const Coefficients& direction;
  const RowColumns& f;
  const RowColumns& change;  // of f, along the direction
  double value;              // F without L1 at `at`
  double slope;              // its slope along the direction, below 0
};

/// F without L1 at a point of a line, and its slope along it.
struct LinePoint {
  double value;
  double slope;
};

/// Whether a step of that length may end there: F fell by a share of what the slope at the start promises, or by no
/// less than rounding and is flat; and the slope is clearly less steep. Of losses without values the slopes decide.
[[nodiscard]] bool ends_well(const LinePoint& start, const LinePoint& end, double length, bool has_values);

struct LineStep {
  double length = 0;  // 0: none was found
  double value = 0;   // F there
};

/// A step that lets F fall by a share of what the slope promises and ends where the slope is clearly less steep (the
/// weak conditions of Wolfe 1969), found by doubling and by halving a bracket. F without L1 penalties.
[[nodiscard]] LineStep search_line(const Line& line);

}  // namespace curvature
