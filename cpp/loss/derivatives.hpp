// What a loss is made of: its value and its two derivatives in the raw score.
#pragma once

#include <limits>

namespace curvature {

/// l(y, f), dl/df and d2l/df2 of one row, or of a vector of rows.
template <class V>
struct Derivatives {
  V value;
  V gradient;
  V hessian;
};

/// Targets a loss accepts: an interval, or its whole numbers (`whole`), or its two ends (`two_labels`).
struct Domain {
  double low = std::numeric_limits<double>::lowest();
  double high = std::numeric_limits<double>::max();
  bool low_open = false;
  bool whole = false;
  bool two_labels = false;

  [[nodiscard]] constexpr bool contain(double y) const {
    if (!(low_open ? y > low : y >= low) || !(y <= high)) return false;
    if (two_labels) return y == low || y == high;
    return !whole || y == static_cast<double>(static_cast<long long>(y));
  }
};

}  // namespace curvature
