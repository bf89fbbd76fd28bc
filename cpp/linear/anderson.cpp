#include "linear/anderson.hpp"

#include <algorithm>
#include <cmath>

#include "linear/cholesky.hpp"

namespace curvature {

double* Anderson::next() {
  std::vector<double>& kept = kept_[n_kept_++];
  kept.resize(size_);
  return kept.data();
}

bool Anderson::extrapolate(const double* weights, double* out) {
  AlignedBuffer<double> products(kDepth * kDepth, 0.0);
  double trace = 0;
  for (std::size_t a = 0; a < kDepth; ++a) {
    for (std::size_t b = 0; b <= a; ++b) {
      double sum = 0;
      for (std::size_t i = 0; i < measured_; ++i) {
        sum += weights[i] * (kept_[a + 1][i] - kept_[a][i]) * (kept_[b + 1][i] - kept_[b][i]);
      }
      products[a * kDepth + b] = sum;
    }
    trace += products[a * kDepth + a];
  }
  n_kept_ = 0;
  if (!(trace > 0) || !std::isfinite(trace)) return false;
  const Cholesky factor(std::move(products), kDepth, 1);
  double shares[kDepth];
  std::fill_n(shares, kDepth, 1.0);
  factor.solve(shares);
  double sum = 0;
  for (const double share : shares) sum += share;
  if (sum == 0 || !std::isfinite(sum)) return false;
  std::fill_n(out, size_, 0.0);
  for (std::size_t a = 0; a < kDepth; ++a) {
    const double share = shares[a] / sum;
    const double* iterate = kept_[a + 1].data();
    for (std::size_t i = 0; i < size_; ++i) out[i] += share * iterate[i];
  }
  return true;
}

}  // namespace curvature
