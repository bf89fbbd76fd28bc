// Products with rows picked in any order, as the steps of stochastic methods take them.
#pragma once

#include <cstddef>

#include "base/instruction_set.hpp"
#include "kernel/histogram.hpp"

namespace curvature::kernel {

/// Rows to be read now, and others to be fetched from memory meanwhile: one for each row that is read, if there are as
/// many.
struct RowList {
  const RowIndex* rows = nullptr;
  std::size_t n = 0;
  const RowIndex* ahead = nullptr;
  std::size_t n_ahead = 0;

  [[nodiscard]] RowList part(std::size_t begin, std::size_t end) const {
    const std::size_t skipped = begin < n_ahead ? begin : n_ahead;
    return {rows + begin, end - begin, ahead + skipped, n_ahead - skipped};
  }
};

/// The numbers of row i begin at data + i * stride.
template <class T>
struct WholeRows {
  const T* data = nullptr;
  std::size_t n_columns = 0;
  std::size_t stride = 0;
};

/// Each reads a row once; one multiplication and one addition in double a number.
template <class T>
struct ListedProducts {
  /// out[i] += x_rows[i] . w
  void (*times)(const WholeRows<T>& matrix, const RowList& list, const double* w, double* out);
  /// out[j] += sum of r_i x_rows[i] j
  void (*transpose_times)(const WholeRows<T>& matrix, const RowList& list, const double* r, double* out);
};

struct ListedProductTable {
  ListedProducts<float> floats;
  ListedProducts<double> doubles;

  template <class T>
  [[nodiscard]] const ListedProducts<T>& of() const {
    if constexpr (sizeof(T) == sizeof(float)) {
      return floats;
    } else {
      return doubles;
    }
  }
};

extern const ListedProductTable listed_product_table_baseline;
extern const ListedProductTable listed_product_table_v3;
extern const ListedProductTable listed_product_table_v4;
[[nodiscard]] const ListedProductTable& listed_product_table(InstructionSet set = instruction_set());

}  // namespace curvature::kernel
