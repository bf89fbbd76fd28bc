// Products of compressed sparse rows with vectors: two loads and one multiply-add a stored number.
#pragma once

#include <cstddef>
#include <cstdint>

namespace curvature::kernel {

/// The numbers of row i are [begin[i], begin[i + 1]) of columns and values.
template <class T>
struct SparseRows {
  const std::int64_t* begin = nullptr;
  const std::int32_t* columns = nullptr;
  const T* values = nullptr;
  std::size_t n_rows = 0;
};

/// out[i] += x_i . w
template <class T>
void sparse_times(const SparseRows<T>& rows, const double* w, double* out) {
  for (std::size_t i = 0; i < rows.n_rows; ++i) {
    const std::int64_t end = rows.begin[i + 1];
    double sums[2] = {};  // two chains of additions
    std::int64_t k = rows.begin[i];
    for (; k + 2 <= end; k += 2) {
      sums[0] += static_cast<double>(rows.values[k]) * w[rows.columns[k]];
      sums[1] += static_cast<double>(rows.values[k + 1]) * w[rows.columns[k + 1]];
    }
    if (k < end) sums[0] += static_cast<double>(rows.values[k]) * w[rows.columns[k]];
    out[i] += sums[0] + sums[1];
  }
}

/// out[j] += sum of r_i x_ij
template <class T>
void sparse_transpose_times(const SparseRows<T>& rows, const double* r, double* out) {
  for (std::size_t i = 0; i < rows.n_rows; ++i) {
    const double factor = r[i];
    if (factor == 0) continue;
    for (std::int64_t k = rows.begin[i]; k < rows.begin[i + 1]; ++k) {
      out[rows.columns[k]] += factor * static_cast<double>(rows.values[k]);
    }
  }
}

/// out[j] += sum of d_i x_ij^2
template <class T>
void sparse_square_sums(const SparseRows<T>& rows, const double* d, double* out) {
  for (std::size_t i = 0; i < rows.n_rows; ++i) {
    const double factor = d[i];
    for (std::int64_t k = rows.begin[i]; k < rows.begin[i + 1]; ++k) {
      const auto x = static_cast<double>(rows.values[k]);
      out[rows.columns[k]] += factor * (x * x);
    }
  }
}

/// out[a * stride + b] += sum of d_i x_ia x_ib for a >= b
template <class T>
void sparse_gram(const SparseRows<T>& rows, const double* d, double* out, std::size_t stride) {
  for (std::size_t i = 0; i < rows.n_rows; ++i) {
    const std::int64_t end = rows.begin[i + 1];
    for (std::int64_t k = rows.begin[i]; k < end; ++k) {
      const double factor = d[i] * static_cast<double>(rows.values[k]);
      const std::int32_t a = rows.columns[k];
      for (std::int64_t l = rows.begin[i]; l < end; ++l) {
        const std::int32_t b = rows.columns[l];
        if (b <= a)
          out[static_cast<std::size_t>(a) * stride + static_cast<std::size_t>(b)] +=
              factor * static_cast<double>(rows.values[l]);
      }
    }
  }
}

}  // namespace curvature::kernel
