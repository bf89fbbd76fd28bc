// Steps of stochastic gradient descent on sparse rows that touch only the weights of a batch's stored numbers.
#pragma once

#include <algorithm>
#include <cmath>

#include "kernel/listed_sparse_rows.hpp"

namespace curvature::kernel {

/// What steps do to a weight that no row touches: w <- shrink((1 - rate l2) w, rate l1). After any number of them
///   w = scale * shrink(w before / scale before, l1 * (drift - drift before)),
///   scale: product of (1 - rate l2),  drift: sum of rate / scale.
/// One clock counts for all weights of the same l2.
struct LazyClock {
  double l2 = 0;
  double scale = 1;
  double drift = 0;
  double unit = 1;  // 1 / scale

  void advance(double rate) {
    scale *= 1 - rate * l2;
    unit = 1 / scale;
    drift += rate * unit;
  }
};

/// A weight over its clock's scale, as of the drift `seen`.
struct LazyWeight {
  double unscaled = 0;
  double seen = 0;
  double l1 = 0;
  std::int64_t clock = 0;
};

/// The weight as it is now; it has seen all steps then.
inline double caught_up(LazyWeight& weight, const LazyClock* clocks) {
  const LazyClock& clock = clocks[weight.clock];
  const double missed = weight.l1 * (clock.drift - weight.seen);
  weight.unscaled = std::copysign(std::max(std::abs(weight.unscaled) - missed, 0.0), weight.unscaled);
  weight.seen = clock.drift;
  return weight.unscaled * clock.scale;
}

/// out[i] += x_rows[i] . w, the weights of these rows being caught up.
template <class T>
void times(const ListedSparseRows<T>& matrix, const RowList& list, LazyWeight* weights, const LazyClock* clocks,
           double* out) {
  for (std::size_t i = 0; i < list.n; ++i) {
    matrix.fetch_ahead(list, i);
    double sum = 0;
    for_each_entry(matrix, list.part(i, i + 1),
                   [&](std::size_t, std::int32_t j, double x) { sum += x * caught_up(weights[j], clocks); });
    out[i] += sum;
  }
}

/// w_j -= rate * sum of r_i x_rows[i] j: weights that are caught up, and clocks that have just advanced.
template <class T>
void descend(const ListedSparseRows<T>& matrix, const RowList& list, const double* r, double rate, LazyWeight* weights,
             const LazyClock* clocks) {
  for_each_entry(matrix, list, [&](std::size_t i, std::int32_t j, double x) {
    weights[j].unscaled -= rate * r[i] * x * clocks[weights[j].clock].unit;
  });
}

}  // namespace curvature::kernel
