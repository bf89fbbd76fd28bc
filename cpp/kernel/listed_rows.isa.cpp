#include "kernel/listed_rows.hpp"

#include <algorithm>
#include <type_traits>

#include "base/isa_symbol.hpp"
#include "kernel/vectors.hpp"

namespace curvature::kernel {
namespace {

constexpr std::size_t kWidth = kLanes;
constexpr std::size_t kTogether = 4;       // rows that share what is loaded of the vector
constexpr std::size_t kLine = 64;          // bytes of a cache line
constexpr std::size_t kMostOfARow = 2048;  // the processor itself fetches the rest of a long row

template <class T>
inline const T* row_of(const WholeRows<T>& matrix, RowIndex row) {
  return matrix.data + std::size_t{row} * matrix.stride;
}

// Asks for the row that is to be fetched while row i of the list is read. Always inline: g++ 12 takes a function that
// only prefetches for one without effect, and drops the call.
template <class T>
[[gnu::always_inline]] inline void fetch_ahead(const WholeRows<T>& matrix, const RowList& list, std::size_t i) {
  if (i >= list.n_ahead) return;
  const std::size_t bytes = std::min(matrix.n_columns * sizeof(T), kMostOfARow);
  const auto* from = reinterpret_cast<const char*>(row_of(matrix, list.ahead[i]));
  for (std::size_t byte = 0; byte < bytes; byte += kLine) __builtin_prefetch(from + byte);
}

// Calls visit(first row, rows at once) for all rows of the list, four at a time while there are as many.
template <class Visit>
inline void in_groups(std::size_t n, Visit&& visit) {
  std::size_t i = 0;
  for (; i + kTogether <= n; i += kTogether) visit(i, std::integral_constant<std::size_t, kTogether>{});
  for (; i < n; ++i) visit(i, std::integral_constant<std::size_t, 1>{});
}

template <class T>
[[gnu::flatten]] void times(const WholeRows<T>& matrix, const RowList& list, const double* w, double* out) {
  const std::size_t n_columns = matrix.n_columns;
  in_groups(list.n, [&](std::size_t first, auto n) {
    const T* from[n];
    Doubles sums[n];
    for (std::size_t k = 0; k < n; ++k) {
      fetch_ahead(matrix, list, first + k);
      from[k] = row_of(matrix, list.rows[first + k]);
      sums[k] = Doubles{};
    }
    std::size_t j = 0;
    if constexpr (n == 1) {  // two chains of additions
      Doubles second{};
      for (; j + 2 * kWidth <= n_columns; j += 2 * kWidth) {
        sums[0] += load<Doubles>(w + j) * widened(from[0] + j);
        second += load<Doubles>(w + j + kWidth) * widened(from[0] + j + kWidth);
      }
      sums[0] += second;
    }
    for (; j + kWidth <= n_columns; j += kWidth) {
      const Doubles weights = load<Doubles>(w + j);
      for (std::size_t k = 0; k < n; ++k) sums[k] += weights * widened(from[k] + j);
    }
    for (std::size_t k = 0; k < n; ++k) {
      double sum = total(sums[k]);
      for (std::size_t rest = j; rest < n_columns; ++rest) sum += w[rest] * static_cast<double>(from[k][rest]);
      out[first + k] += sum;
    }
  });
}

template <class T>
[[gnu::flatten]] void transpose_times(const WholeRows<T>& matrix, const RowList& list, const double* r, double* out) {
  const std::size_t n_columns = matrix.n_columns;
  in_groups(list.n, [&](std::size_t first, auto n) {
    const T* from[n];
    Doubles factors[n];
    for (std::size_t k = 0; k < n; ++k) {
      from[k] = row_of(matrix, list.rows[first + k]);
      factors[k] = splat(r[first + k]);
    }
    std::size_t j = 0;
    for (; j + kWidth <= n_columns; j += kWidth) {
      Doubles sum = load<Doubles>(out + j);
      for (std::size_t k = 0; k < n; ++k) sum += factors[k] * widened(from[k] + j);
      store(out + j, sum);
    }
    for (; j < n_columns; ++j) {
      for (std::size_t k = 0; k < n; ++k) out[j] += r[first + k] * static_cast<double>(from[k][j]);
    }
  });
}

template <class T>
constexpr ListedProducts<T> products_of() {
  return {times<T>, transpose_times<T>};
}

}  // namespace

extern const ListedProductTable CURVATURE_ISA_SYMBOL(listed_product_table){products_of<float>(), products_of<double>()};

}  // namespace curvature::kernel
