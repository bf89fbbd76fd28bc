// The rows of a problem as stochastic steps take them: in any order, a batch at a time.
#pragma once

#include <cstddef>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "kernel/lazy_weights.hpp"
#include "kernel/listed_rows.hpp"
#include "linear/problem.hpp"

namespace curvature {

/// Products with listed rows. A dense matrix whose columns are whole is copied once, row by row.
class SgdRows {
 public:
  explicit SgdRows(const LinearProblem& problem);

  /// out[i] += x_rows[i] . w
  void times(const kernel::RowList& list, const double* w, double* out) const;
  /// out[j] += sum of r_i x_rows[i] j
  void transpose_times(const kernel::RowList& list, const double* r, double* out) const;
  /// The same for lazy weights: sparse rows only.
  void times(const kernel::RowList& list, kernel::LazyWeight* weights, const kernel::LazyClock* clocks,
             double* out) const;
  void descend(const kernel::RowList& list, const double* r, double rate, kernel::LazyWeight* weights,
               const kernel::LazyClock* clocks) const;

  /// Numbers that a row holds on average.
  [[nodiscard]] double mean_entries() const { return mean_entries_; }
  /// Rows that are taken at once, so that they stay in the cache between their two products.
  [[nodiscard]] std::size_t chunk_rows() const;

 private:
  template <class T>
  void copy_rows(const DenseMatrix<T>& from, AlignedBuffer<T>& to);

  Design::Matrix matrix_;
  double mean_entries_ = 0;
  AlignedBuffer<float> floats_;
  AlignedBuffer<double> doubles_;
};

/// What a loss reads of up to `room` listed rows, side by side, their scores and slopes, and a sum of their losses.
class RowStretch {
 public:
  RowStretch(const LinearProblem& problem, std::size_t room, bool sums_losses);

  /// Takes the next rows, at most half the room. Their scores are the offsets and intercepts (an intercept an output).
  void take(const kernel::RowList& list, const double* intercepts);
  [[nodiscard]] double* scores(std::size_t output) { return scores_[output].data() + begin_; }
  /// slopes = factor * weight * dl/df of the rows taken last. False where a score or slope is not finite.
  [[nodiscard]] bool compute_slopes(double factor);
  [[nodiscard]] const double* slopes(std::size_t output) const { return slopes_[output].data(); }

  /// Sum of weight * loss over all rows taken since the last call.
  [[nodiscard]] double release_losses();

 private:
  using Columns = std::vector<std::vector<double>>;
  std::size_t fill_vector(std::size_t n);
  void add_losses();

  const LinearProblem& problem_;
  bool sums_losses_;
  std::size_t room_;
  std::size_t begin_ = 0;  // of the rows taken last
  std::size_t end_ = 0;
  double losses_ = 0;
  Columns targets_, scores_, slopes_, hessians_;
  std::vector<double> weights_, values_;
  std::vector<const double*> target_columns_, score_columns_;
  std::vector<double*> slope_columns_, hessian_columns_;
};

/// Sum of weight * loss over the listed rows at these weights (K outputs over p columns, then K intercepts), in fixed
/// stretches added in order.
[[nodiscard]] double sum_of_losses(const LinearProblem& problem, const SgdRows& rows,
                                   const std::vector<RowIndex>& listed, const std::vector<double>& weights);

}  // namespace curvature
