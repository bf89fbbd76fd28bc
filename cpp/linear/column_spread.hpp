// Where the columns of a design lie, and how far they spread.
#pragma once

#include <vector>

#include "linear/objective.hpp"

namespace curvature {

struct ColumnSpread {
  std::vector<double> center;    // means by the rows' weights; sparse columns have theirs, too
  std::vector<double> variance;  // around 0 without an intercept; exactly 0 of columns that an intercept can replace
};

/// One pass over the design.
[[nodiscard]] ColumnSpread spread_of_columns(const Objective& objective);

}  // namespace curvature
