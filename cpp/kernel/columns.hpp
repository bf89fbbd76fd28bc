// What a coordinate step does with one column: a product with the rows' slopes, and the change of those slopes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/instruction_set.hpp"

namespace curvature::kernel {

/// sum of h z and of h z^2
struct Moments {
  double first = 0;
  double second = 0;
};

/// Of a whole column x of n numbers; each reads it once.
template <class T>
struct WholeColumns {
  /// x . u
  double (*dot)(const T* x, const double* u, std::size_t n);
  /// u[i] += step h[i] (x[i] - center)
  void (*add)(double step, const T* x, double center, const double* h, double* u, std::size_t n);
  /// of z = x - center
  Moments (*moments)(const T* x, double center, const double* h, std::size_t n);
};

struct ColumnTable {
  WholeColumns<float> floats;
  WholeColumns<double> doubles;
  /// out[i] += factor x[i]
  void (*add_scaled)(double factor, const double* x, double* out, std::size_t n);

  template <class T>
  [[nodiscard]] const WholeColumns<T>& of() const {
    if constexpr (sizeof(T) == sizeof(float)) {
      return floats;
    } else {
      return doubles;
    }
  }
};

extern const ColumnTable column_table_baseline;
extern const ColumnTable column_table_v3;
extern const ColumnTable column_table_v4;
[[nodiscard]] const ColumnTable& column_table(InstructionSet set = instruction_set());

/// The numbers of a column that are stored, and their rows.
template <class T>
struct SparseColumn {
  const std::int32_t* rows = nullptr;
  const T* values = nullptr;
  std::size_t size = 0;
};

template <class T>
double sparse_dot(const SparseColumn<T>& x, const double* u) {
  double sums[2] = {};  // two chains of additions
  std::size_t k = 0;
  for (; k + 2 <= x.size; k += 2) {
    sums[0] += static_cast<double>(x.values[k]) * u[x.rows[k]];
    sums[1] += static_cast<double>(x.values[k + 1]) * u[x.rows[k + 1]];
  }
  if (k < x.size) sums[0] += static_cast<double>(x.values[k]) * u[x.rows[k]];
  return sums[0] + sums[1];
}

/// u[i] += step h[i] x[i]
template <class T>
void sparse_add(double step, const SparseColumn<T>& x, const double* h, double* u) {
  for (std::size_t k = 0; k < x.size; ++k) u[x.rows[k]] += step * h[x.rows[k]] * static_cast<double>(x.values[k]);
}

/// Rows ascend; one named twice counts as the sum.
template <class T>
Moments sparse_moments(const SparseColumn<T>& x, const double* h) {
  Moments sum;
  for (std::size_t k = 0; k < x.size;) {
    const std::int32_t row = x.rows[k];
    double value = 0;
    for (; k < x.size && x.rows[k] == row; ++k) value += static_cast<double>(x.values[k]);
    sum.first += h[row] * value;
    sum.second += h[row] * value * value;
  }
  return sum;
}

}  // namespace curvature::kernel
