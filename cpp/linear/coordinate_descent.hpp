// Coordinate descent: for L1, elastic net, penalties of each column, and bounds.
#pragma once

#include "linear/objective.hpp"

namespace curvature {

/// Working sets of columns that grow by the largest violations of optimality; on these, Newton's steps whose quadratic
/// model is minimised column by column (coordinate_model.hpp), halved until F falls. Squared loss: one such step a
/// working set is exact. Several outputs take turns. Any loss with finite derivatives that bends somewhere; the gap is
/// that of coordinate_gap.hpp. Time: a product with the design and a Gram matrix of the working set an iteration.
/// `start` is moved into the bounds.
[[nodiscard]] LinearFit coordinate_descent(const Objective& objective, const Stopping& stopping,
                                           const Coefficients& start);

}  // namespace curvature
