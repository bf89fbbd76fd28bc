#include "linear/sgd_rows.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "base/threads.hpp"

namespace curvature {
namespace {

constexpr std::size_t kVector = 4;  // rows
constexpr std::size_t kMostRows = 256;
constexpr std::size_t kLeastRows = 8;
constexpr std::size_t kChunkBytes = 48 << 10;

template <class T>
kernel::WholeRows<T> listed(const DenseMatrix<T>& matrix) {
  return {matrix.data, matrix.n_columns, matrix.row_stride};
}
template <class T>
kernel::ListedSparseRows<T> listed(const SparseMatrix<T>& matrix) {
  return {matrix.begin, matrix.columns, matrix.values};
}

template <class T>
void times(const kernel::WholeRows<T>& matrix, const kernel::RowList& list, const double* w, double* out) {
  kernel::listed_product_table().of<T>().times(matrix, list, w, out);
}
template <class T>
void transpose_times(const kernel::WholeRows<T>& matrix, const kernel::RowList& list, const double* r, double* out) {
  kernel::listed_product_table().of<T>().transpose_times(matrix, list, r, out);
}

// Calls visit for sparse rows alone.
template <class Visit>
void visit_sparse(const Design::Matrix& matrix, Visit&& visit) {
  std::visit(
      [&](const auto& held) {
        if constexpr (requires { held.begin; }) visit(listed(held));
      },
      matrix);
}

std::vector<double*> pointers(std::vector<std::vector<double>>& columns) {
  std::vector<double*> found;
  for (auto& column : columns) found.push_back(column.data());
  return found;
}

}  // namespace

SgdRows::SgdRows(const LinearProblem& problem) : matrix_(problem.design.matrix()) {
  const auto n_rows = static_cast<double>(problem.design.n_rows());
  mean_entries_ = static_cast<double>(problem.design.n_stored()) / std::max(n_rows, 1.0);
  if (const auto* wide = std::get_if<DenseMatrix<double>>(&matrix_); wide && !wide->rows_are_whole()) {
    copy_rows(DenseMatrix(*wide), doubles_);
  } else if (const auto* narrow = std::get_if<DenseMatrix<float>>(&matrix_); narrow && !narrow->rows_are_whole()) {
    copy_rows(DenseMatrix(*narrow), floats_);
  }
}

template <class T>
void SgdRows::copy_rows(const DenseMatrix<T>& from, AlignedBuffer<T>& to) {
  constexpr std::size_t kTile = 64;  // rows whose lines stay in the cache while the columns are walked
  to = AlignedBuffer<T>(from.n_rows * from.n_columns);
  for (std::size_t first = 0; first < from.n_rows; first += kTile) {
    const std::size_t end = std::min(first + kTile, from.n_rows);
    for (std::size_t j = 0; j < from.n_columns; ++j) {
      for (std::size_t i = first; i < end; ++i) {
        to[i * from.n_columns + j] = from.data[i * from.row_stride + j * from.column_stride];
      }
    }
  }
  matrix_ = DenseMatrix<T>{to.data(), from.n_rows, from.n_columns, from.n_columns, 1};
}

void SgdRows::times(const kernel::RowList& list, const double* w, double* out) const {
  std::visit(
      [&](const auto& held) {
        using curvature::times;
        times(listed(held), list, w, out);
      },
      matrix_);
}

void SgdRows::transpose_times(const kernel::RowList& list, const double* r, double* out) const {
  std::visit(
      [&](const auto& held) {
        using curvature::transpose_times;
        transpose_times(listed(held), list, r, out);
      },
      matrix_);
}

void SgdRows::times(const kernel::RowList& list, kernel::LazyWeight* weights, const kernel::LazyClock* clocks,
                    double* out) const {
  visit_sparse(matrix_, [&](const auto& rows) { kernel::times(rows, list, weights, clocks, out); });
}

void SgdRows::descend(const kernel::RowList& list, const double* r, double rate, kernel::LazyWeight* weights,
                      const kernel::LazyClock* clocks) const {
  visit_sparse(matrix_, [&](const auto& rows) { kernel::descend(rows, list, r, rate, weights, clocks); });
}

std::size_t SgdRows::chunk_rows() const {
  const double row = sizeof(double) * std::max(mean_entries_, 1.0);
  return std::clamp(static_cast<std::size_t>(kChunkBytes / row), kLeastRows, kMostRows);
}

RowStretch::RowStretch(const LinearProblem& problem, std::size_t room, bool sums_losses)
    : problem_(problem),
      sums_losses_(sums_losses),
      room_(room),
      targets_(problem.target.columns.size(), std::vector<double>(room + kVector)),
      scores_(problem.n_outputs(), std::vector<double>(room + kVector)),
      slopes_(scores_),
      hessians_(scores_),
      weights_(room, 1.0),
      values_(room) {
  for (double* column : pointers(targets_)) target_columns_.push_back(column);
  for (double* column : pointers(scores_)) score_columns_.push_back(column);
  slope_columns_ = pointers(slopes_);
  hessian_columns_ = pointers(hessians_);
}

void RowStretch::take(const kernel::RowList& list, const double* intercepts) {
  if (!sums_losses_) {
    end_ = 0;
  } else if (end_ + list.n > room_) {
    add_losses();
  }
  begin_ = end_;
  end_ += list.n;
  const LossTable& target = problem_.target;
  for (std::size_t c = 0; c < targets_.size(); ++c) {
    double* to = targets_[c].data() + begin_;
    for (std::size_t i = 0; i < list.n; ++i) {
      if (i < list.n_ahead) __builtin_prefetch(target.columns[c] + list.ahead[i]);
      to[i] = target.columns[c][list.rows[i]];
    }
  }
  if (target.weights) {
    for (std::size_t i = 0; i < list.n; ++i) weights_[begin_ + i] = target.weights[list.rows[i]];
  }
  for (std::size_t k = 0; k < scores_.size(); ++k) {
    double* to = scores(k);
    std::fill_n(to, list.n, intercepts[k]);
    if (problem_.offsets.empty()) continue;
    for (std::size_t i = 0; i < list.n; ++i) to[i] += problem_.offsets[k][list.rows[i]];
  }
}

// A loss of one score takes a whole vector in less time than a part of it: a few rows are made up to one by repeating
// the last. Returns how many there are then.
std::size_t RowStretch::fill_vector(std::size_t n) {
  if (n >= kVector || scores_.size() > 1) return n;
  const std::size_t last = begin_ + n - 1;
  for (auto& target : targets_)
    std::fill_n(target.begin() + static_cast<std::ptrdiff_t>(last + 1), kVector - n, target[last]);
  for (auto& score : scores_)
    std::fill_n(score.begin() + static_cast<std::ptrdiff_t>(last + 1), kVector - n, score[last]);
  return kVector;
}

bool RowStretch::compute_slopes(double factor) {
  const std::size_t n = end_ - begin_;
  problem_.loss.derivatives({target_columns_.data(), score_columns_.data(), begin_, fill_vector(n)},
                            slope_columns_.data(), hessian_columns_.data());
  double zero = 0;  // as long as all is finite
  for (std::size_t k = 0; k < scores_.size(); ++k) {
    double* slope = slopes_[k].data();
    const double* score = scores(k);
    for (std::size_t i = 0; i < n; ++i) {
      slope[i] *= factor * weights_[begin_ + i];
      zero += 0 * slope[i] + 0 * score[i];
    }
  }
  return zero == 0;
}

void RowStretch::add_losses() {
  if (end_ == 0) return;
  problem_.loss.values({target_columns_.data(), score_columns_.data(), 0, end_}, values_.data());
  for (std::size_t i = 0; i < end_; ++i) losses_ += weights_[i] * values_[i];
  end_ = 0;
}

double RowStretch::release_losses() {
  if (sums_losses_) add_losses();
  return std::exchange(losses_, 0.0);
}

double sum_of_losses(const LinearProblem& problem, const SgdRows& rows, const std::vector<RowIndex>& listed,
                     const std::vector<double>& weights) {
  constexpr std::size_t kStretch = 4096;
  const std::size_t n_columns = problem.design.n_columns();
  const std::size_t n_outputs = problem.n_outputs();
  const std::size_t chunk = rows.chunk_rows();
  std::vector<double> sums((listed.size() + kStretch - 1) / kStretch);
  parallel_ranges(listed.size(), kStretch, problem.threads, [&](std::size_t begin, std::size_t end, int) {
    RowStretch stretch(problem, 2 * chunk, true);
    for (std::size_t first = begin; first < end; first += chunk) {
      const std::size_t n = std::min(chunk, end - first);
      const kernel::RowList list{listed.data() + first, n};
      stretch.take(list, weights.data() + n_outputs * n_columns);
      for (std::size_t k = 0; k < n_outputs; ++k) {
        rows.times(list, weights.data() + k * n_columns, stretch.scores(k));
      }
    }
    sums[begin / kStretch] = stretch.release_losses();
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace curvature
