#include "data/finite.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/threads.hpp"

namespace curvature {
namespace {

constexpr std::size_t kGrain = 1 << 17;  // numbers

// A number times 0 is 0, or NaN where it is not finite; NaN stays in the sum.
template <class T>
bool all_finite(const T* x, std::size_t n) {
  constexpr std::size_t kLanes = 16;
  T sums[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += x[i + lane] * T(0);
  }
  for (; i < n; ++i) sums[0] += x[i] * T(0);
  return std::all_of(sums, sums + kLanes, [](T sum) { return sum == 0; });
}

// Lines of neighbours: rows or columns of a dense matrix, or the one line of all numbers stored.
template <class T>
bool all_finite(const T* x, std::size_t n_lines, std::size_t length, std::size_t stride, int threads) {
  if (stride == length) {
    length *= n_lines;
    n_lines = 1;
  }
  if (n_lines * length == 0) return true;
  const std::size_t pieces = (length + kGrain - 1) / kGrain;  // of a line
  const std::size_t together = std::max<std::size_t>(1, kGrain / length);
  std::atomic<bool> finite{true};
  parallel_ranges(n_lines * pieces, together, threads, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t task = begin; task < end && finite.load(std::memory_order_relaxed); ++task) {
      const std::size_t first = task % pieces * kGrain;
      if (!all_finite(x + task / pieces * stride + first, std::min(kGrain, length - first))) finite = false;
    }
  });
  return finite;
}

template <class T>
bool all_finite(const DenseMatrix<T>& matrix, int threads) {
  if (matrix.rows_are_whole()) {
    return all_finite(matrix.data, matrix.n_rows, matrix.n_columns, matrix.row_stride, threads);
  }
  return all_finite(matrix.data, matrix.n_columns, matrix.n_rows, matrix.column_stride, threads);
}

template <class T>
bool all_finite(const SparseMatrix<T>& matrix, int threads) {
  const auto first = static_cast<std::size_t>(matrix.begin[0]);
  const std::size_t stored = static_cast<std::size_t>(matrix.begin[matrix.n_rows]) - first;
  return all_finite(matrix.values + first, 1, stored, stored, threads);
}

template <class T>
std::optional<Place> find(const DenseMatrix<T>& matrix) {
  for (std::size_t row = 0; row < matrix.n_rows; ++row) {
    for (std::size_t column = 0; column < matrix.n_columns; ++column) {
      const T x = matrix.data[row * matrix.row_stride + column * matrix.column_stride];
      if (!std::isfinite(x)) return Place{row, column};
    }
  }
  return std::nullopt;
}

template <class T>
std::optional<Place> find(const SparseMatrix<T>& matrix) {
  for (std::size_t row = 0; row < matrix.n_rows; ++row) {
    for (auto at = matrix.begin[row]; at < matrix.begin[row + 1]; ++at) {
      if (!std::isfinite(matrix.values[at])) return Place{row, static_cast<std::size_t>(matrix.columns[at])};
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Place> first_not_finite(const Design& design, int threads) {
  return std::visit([threads](const auto& matrix) { return all_finite(matrix, threads) ? std::nullopt : find(matrix); },
                    design.matrix());
}

}  // namespace curvature
