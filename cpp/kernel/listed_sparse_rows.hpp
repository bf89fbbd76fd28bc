// Products with compressed sparse rows picked in any order: two loads and one multiply-add a stored number.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernel/listed_rows.hpp"

namespace curvature::kernel {

/// The numbers of row i are [begin[i], begin[i + 1]) of columns and values.
template <class T>
struct ListedSparseRows {
  const std::int64_t* begin = nullptr;
  const std::int32_t* columns = nullptr;
  const T* values = nullptr;

  /// Asks for the first numbers of the row that is to be fetched while row i of the list is read. Always inline: g++ 12
  /// takes a function that only prefetches for one without effect, and drops the call.
  [[gnu::always_inline]] void fetch_ahead(const RowList& list, std::size_t i) const {
    if (i >= list.n_ahead) return;
    constexpr std::int64_t kNumbersOfALine = 16;
    const std::int64_t first = begin[list.ahead[i]];
    const std::int64_t end = std::min(begin[list.ahead[i] + std::size_t{1}], first + 8 * kNumbersOfALine);
    for (std::int64_t k = first; k < end; k += kNumbersOfALine) {
      __builtin_prefetch(columns + k);
      __builtin_prefetch(values + k);
    }
  }
};

/// Calls visit(place in the list, column, value) for each stored number of the listed rows.
template <class T, class Visit>
inline void for_each_entry(const ListedSparseRows<T>& matrix, const RowList& list, Visit&& visit) {
  for (std::size_t i = 0; i < list.n; ++i) {
    const RowIndex row = list.rows[i];
    for (std::int64_t k = matrix.begin[row]; k < matrix.begin[row + std::size_t{1}]; ++k) {
      visit(i, matrix.columns[k], static_cast<double>(matrix.values[k]));
    }
  }
}

/// out[i] += x_rows[i] . w
template <class T>
void times(const ListedSparseRows<T>& matrix, const RowList& list, const double* w, double* out) {
  for (std::size_t i = 0; i < list.n; ++i) {
    matrix.fetch_ahead(list, i);
    const RowIndex row = list.rows[i];
    const std::int64_t end = matrix.begin[row + std::size_t{1}];
    double sums[4] = {};  // four chains of additions, each of which would wait for its last
    std::int64_t k = matrix.begin[row];
    for (; k + 4 <= end; k += 4) {
      for (int chain = 0; chain < 4; ++chain) sums[chain] += matrix.values[k + chain] * w[matrix.columns[k + chain]];
    }
    for (; k < end; ++k) sums[0] += matrix.values[k] * w[matrix.columns[k]];
    out[i] += (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }
}

/// out[j] += sum of r_i x_rows[i] j
template <class T>
void transpose_times(const ListedSparseRows<T>& matrix, const RowList& list, const double* r, double* out) {
  for_each_entry(matrix, list, [&](std::size_t i, std::int32_t j, double x) { out[j] += r[i] * x; });
}

}  // namespace curvature::kernel
