// The weighted Gram matrix of a design, and of any block of it.
#pragma once

#include <cstddef>

#include "linear/objective.hpp"

namespace curvature {

/// A panel's memory, and the products made with it: one a thread.
class GramPanel {
 public:
  explicit GramPanel(std::size_t n_columns);
  /// out[a * stride + b] += sum of d_i (x_ia - center_a) (x_ib - center_b) over rows [begin, end), a >= b. Sparse:
  /// centers are taken as 0.
  void add(const Design& design, std::size_t begin, std::size_t end, const double* d, const double* center, double* out,
           std::size_t stride);

 private:
  std::size_t n_columns_;
  AlignedBuffer<double> memory_;
};

/// What to take from the columns of a dense design so that Gram matrices of columns far from 0 keep their digits: the
/// means of some rows. Zeros where there is no intercept to make up for it, and for sparse designs.
[[nodiscard]] std::vector<double> column_centers(const LinearProblem& problem);

/// out (p x p, rows of p, its lower triangle; overwritten) = sum of d_i (x_i - center) (x_i - center)^T over all rows;
/// n p^2 / 2 multiply-adds, shared by threads; the same bits for any number of them.
void weighted_gram(const Design& design, const double* d, const double* center, double* out, int threads);

}  // namespace curvature
