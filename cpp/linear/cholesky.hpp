// The factor of a symmetric matrix that should be positive definite, and what is solved with it.
#pragma once

#include <cstddef>
#include <vector>

#include "base/aligned_buffer.hpp"

namespace curvature {

/// A = D L L^T D with D the roots of A's diagonal, so that badly scaled rows cost no digits. A column that depends on
/// those before it (its pivot, at most 1, is below n * 1e-14) is dropped: solutions have 0 there.
class Cholesky {
 public:
  /// Takes the lower triangle of `matrix`, n rows of n, and keeps its memory. n^3 / 3 multiply-adds.
  Cholesky(AlignedBuffer<double> matrix, std::size_t n, int threads);

  [[nodiscard]] std::size_t size() const { return n_; }
  [[nodiscard]] std::size_t n_dropped() const { return n_dropped_; }
  [[nodiscard]] bool is_dropped(std::size_t i) const { return scales_[i] == 0; }
  /// x = A^-1 x.
  void solve(double* x) const;
  /// x^T A^-1 x.
  [[nodiscard]] double inverse_form(const double* x) const;
  /// x = M x with M^T M = A^-1, a lower triangle.
  void solve_half(double* x) const;

 private:
  void factor_block(std::size_t begin, std::size_t end);

  std::size_t n_;
  AlignedBuffer<double> factor_;
  std::vector<double> scales_;  // 1 / D; 0 of a dropped column
  std::size_t n_dropped_ = 0;
};

}  // namespace curvature
