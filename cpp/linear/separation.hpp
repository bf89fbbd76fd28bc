// Whether the classes of a logistic regression are separated, so that no coefficients are the best.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "linear/objective.hpp"

namespace curvature {

/// A direction along which the loss of no row rises and that of some falls without end (Albert & Anderson 1984).
struct Separation {
  Coefficients direction;
  std::vector<std::size_t> rows;     // whose loss falls
  bool complete = false;             // that are all rows of weight > 0
  std::vector<std::size_t> columns;  // that take part
};

/// For losses of one output whose y are 0 or 1, from what a fit without penalty has reached: the sum of w l is at most
/// `slack` above its least value. A row whose loss is more than that cannot be separated; rows predicted with little
/// doubt are put to the test all the same. A direction keeps the scores of all other rows: where these leave no freedom
/// there is none, which their Gram matrix tells. Else the rows left are fitted in what freedom there is, and so on.
/// What is found is checked on all rows. Quasi-complete separation is looked for in up to 4096 parameters.
[[nodiscard]] std::optional<Separation> find_separation(const Objective& objective, const Coefficients& at,
                                                        double slack);

}  // namespace curvature
