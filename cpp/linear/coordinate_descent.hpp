// Coordinate descent: for L1, elastic net, penalties of each column, and bounds.
#pragma once

#include <optional>
#include <vector>

#include "linear/column_spread.hpp"
#include "linear/coordinate_model.hpp"
#include "linear/objective.hpp"
#include "linear/working_columns.hpp"

namespace curvature {

/// What fits of the same design, rows' weights and intercept have in common, whatever their penalties, bounds and
/// start: handed from one to the next along a path, columns are gathered once, and for squared loss multiplied once.
struct CoordinateMemory {
  std::optional<ColumnSpread> spread;
  std::optional<WorkingColumns> columns;
  ModelGram gram;
  std::vector<double> gram_h;  // that `gram` was made for
};

/// Working sets of columns that grow by the largest violations of optimality; on these, Newton's steps whose quadratic
/// model is minimised column by column (coordinate_model.hpp), halved until F falls. Squared loss: one such step a
/// working set is exact. Several outputs take turns. Any loss with finite derivatives that bends somewhere; the gap is
/// that of coordinate_gap.hpp. Time: a product with the design and a Gram matrix of the working set an iteration.
/// `start` is moved into the bounds.
[[nodiscard]] LinearFit coordinate_descent(const Objective& objective, const Stopping& stopping,
                                           const Coefficients& start);
/// As one of several fits.
[[nodiscard]] LinearFit coordinate_descent(const Objective& objective, const Stopping& stopping,
                                           const Coefficients& start, CoordinateMemory& memory);

}  // namespace curvature
