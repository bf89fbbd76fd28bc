// Weighted quantiles by selection, in time proportional to n.
#pragma once

#include <cstddef>

namespace curvature {

/// The v that minimises the sum of w max(level (x - v), (level - 1) (x - v)): where cumulated weights first reach
/// `level` times the total; where they meet it exactly, halfway to the next value. Whole weights are repetitions, to
/// the last bit. Values of weight 0 do not count; 0 where nothing counts.
/// With a `width` > 0 each value counts as two, x - width and x + width: at level 0.5 that minimises the sum of
/// w max(|x - v| - width, 0).
/// Both buffers may be reordered; weights null: all 1. Values must not be NaN. O(n) expected.
[[nodiscard]] double weighted_quantile(double* values, double* weights, std::size_t n, double level, double width = 0);

}  // namespace curvature
