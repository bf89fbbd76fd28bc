#include "linear/working_columns.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/threads.hpp"

namespace curvature {
namespace {

constexpr std::size_t kGrain = 64;  // rows a task gathers

}  // namespace

void WorkingColumns::take_all() {
  columns_.resize(whole_.n_columns());
  std::iota(columns_.begin(), columns_.end(), 0);
  stores_ = {};
  own_ = whole_;
}

void WorkingColumns::add(std::vector<std::int32_t> columns, int threads) {
  const std::size_t first = columns_.size();
  columns_.insert(columns_.end(), columns.begin(), columns.end());
  std::visit([&](const auto& matrix) { gather(matrix, first, threads); }, whole_.matrix());
}

template <class T>
void WorkingColumns::gather(const DenseMatrix<T>& matrix, std::size_t first, int threads) {
  constexpr std::size_t kTogether = 8;  // rows read side by side: their numbers of a column fill a cache line
  const std::size_t n = matrix.n_rows;
  const std::size_t m = columns_.size();
  auto& dense = std::get<Store<T>>(stores_).dense;
  const AlignedBuffer<T> before = std::exchange(dense, AlignedBuffer<T>(std::max<std::size_t>(1, n * m)));
  parallel_for(first, threads,
               [&](std::size_t k, int) { std::copy_n(before.data() + k * n, n, dense.data() + k * n); });
  parallel_ranges(n, kGrain, threads, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t from = begin; from < end; from += kTogether) {
      const std::size_t to = std::min(end, from + kTogether);
      for (std::size_t k = first; k < m; ++k) {
        const T* source = matrix.data + static_cast<std::size_t>(columns_[k]) * matrix.column_stride;
        T* target = dense.data() + k * n;
        for (std::size_t row = from; row < to; ++row) target[row] = source[row * matrix.row_stride];
      }
    }
  });
  own_ = Design(DenseMatrix<T>{dense.data(), n, m, 1, n});
}

template <class T>
void WorkingColumns::gather(const SparseMatrix<T>& matrix, std::size_t, int threads) {
  const std::size_t n = matrix.n_rows;
  auto& store = std::get<Store<T>>(stores_);
  store = {};
  std::vector<std::int32_t> place(matrix.n_columns, -1);
  for (std::size_t k = 0; k < columns_.size(); ++k) {
    place[static_cast<std::size_t>(columns_[k])] = static_cast<std::int32_t>(k);
  }
  const auto for_each_taken = [&](std::size_t row, auto&& visit) {
    for (std::int64_t at = matrix.begin[row]; at < matrix.begin[row + 1]; ++at) {
      const std::int32_t k = place[static_cast<std::size_t>(matrix.columns[at])];
      if (k >= 0) visit(k, matrix.values[at]);
    }
  };
  store.row_begin.assign(n + 1, 0);
  parallel_ranges(n, kGrain * kGrain, threads, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t row = begin; row < end; ++row) {
      for_each_taken(row, [&](std::int32_t, T) { ++store.row_begin[row + 1]; });
    }
  });
  for (std::size_t row = 0; row < n; ++row) store.row_begin[row + 1] += store.row_begin[row];
  store.row_columns.resize(static_cast<std::size_t>(store.row_begin[n]));
  store.row_values.resize(store.row_columns.size());
  parallel_ranges(n, kGrain * kGrain, threads, [&](std::size_t begin, std::size_t end, int) {
    auto to = static_cast<std::size_t>(store.row_begin[begin]);
    for (std::size_t row = begin; row < end; ++row) {
      for_each_taken(row, [&](std::int32_t k, T value) {
        store.row_columns[to] = k;
        store.row_values[to++] = value;
      });
    }
  });
  own_ = Design(
      SparseMatrix<T>{store.row_begin.data(), store.row_columns.data(), store.row_values.data(), n, columns_.size()});
}

void WorkingColumns::make_whole(int threads) {
  std::visit(
      [&]<class Matrix>(const Matrix& matrix) {
        if constexpr (requires { matrix.row_stride; }) {
          if (matrix.rows_are_whole() && matrix.row_stride != 1) gather(matrix, 0, threads);
        } else {
          using T = std::remove_cvref_t<decltype(*matrix.values)>;
          auto& store = std::get<Store<T>>(stores_);
          if (!store.column_begin.empty()) return;
          store.column_begin.assign(matrix.n_columns + 1, 0);
          const auto size = static_cast<std::size_t>(matrix.begin[matrix.n_rows] - matrix.begin[0]);
          const auto for_each = [&](auto&& visit) {
            for (std::size_t row = 0; row < matrix.n_rows; ++row) {
              for (std::int64_t at = matrix.begin[row]; at < matrix.begin[row + 1]; ++at) visit(row, at);
            }
          };
          for_each([&](std::size_t, std::int64_t at) {
            ++store.column_begin[static_cast<std::size_t>(matrix.columns[at]) + 1];
          });
          for (std::size_t k = 0; k < matrix.n_columns; ++k) store.column_begin[k + 1] += store.column_begin[k];
          store.column_rows.resize(size);
          store.column_values.resize(size);
          std::vector<std::int64_t> next = store.column_begin;
          for_each([&](std::size_t row, std::int64_t at) {
            const auto to = static_cast<std::size_t>(next[static_cast<std::size_t>(matrix.columns[at])]++);
            store.column_rows[to] = static_cast<std::int32_t>(row);
            store.column_values[to] = matrix.values[at];
          });
        }
      },
      Design::Matrix(own_.matrix()));
}

double WorkingColumns::dot(std::size_t k, const double* u) const {
  return std::visit(
      [&](const auto& matrix) {
        if constexpr (requires { matrix.row_stride; }) {
          using T = std::remove_cvref_t<decltype(*matrix.data)>;
          return kernel::column_table().of<T>().dot(matrix.data + k * matrix.column_stride, u, matrix.n_rows);
        } else {
          return kernel::sparse_dot(store<std::remove_cvref_t<decltype(*matrix.values)>>().column(k), u);
        }
      },
      own_.matrix());
}

void WorkingColumns::add_to(double step, std::size_t k, double center, const double* h, double* u) const {
  std::visit(
      [&](const auto& matrix) {
        if constexpr (requires { matrix.row_stride; }) {
          using T = std::remove_cvref_t<decltype(*matrix.data)>;
          kernel::column_table().of<T>().add(step, matrix.data + k * matrix.column_stride, center, h, u, matrix.n_rows);
        } else {
          kernel::sparse_add(step, store<std::remove_cvref_t<decltype(*matrix.values)>>().column(k), h, u);
        }
      },
      own_.matrix());
}

kernel::Moments WorkingColumns::moments(std::size_t k, double center, const double* h) const {
  return std::visit(
      [&](const auto& matrix) {
        if constexpr (requires { matrix.row_stride; }) {
          using T = std::remove_cvref_t<decltype(*matrix.data)>;
          return kernel::column_table().of<T>().moments(matrix.data + k * matrix.column_stride, center, h,
                                                        matrix.n_rows);
        } else {
          return kernel::sparse_moments(store<std::remove_cvref_t<decltype(*matrix.values)>>().column(k), h);
        }
      },
      own_.matrix());
}

}  // namespace curvature
