// What a loss is made of: its value and its two derivatives in the raw score.
#pragma once

namespace curvature {

/// l(y, f), dl/df and d2l/df2 of one row, or of a vector of rows.
template <class V>
struct Derivatives {
  V value;
  V gradient;
  V hessian;
};

/// Targets a loss accepts: the closed interval [low, high].
struct Domain {
  double low;
  double high;
};

}  // namespace curvature
