// Products of a dense block with vectors. The block is given as lines of neighbouring numbers: its rows, or, where its
// columns are whole, its columns; then the product with the rows is the transposed product with the lines.
#pragma once

#include <cstddef>

#include "base/instruction_set.hpp"

namespace curvature::kernel {

template <class T>
struct Lines {
  const T* data = nullptr;
  std::size_t n_lines = 0;
  std::size_t length = 0;
  std::size_t stride = 0;  // numbers from one line to the next
};

/// Each reads the block once; one multiplication and one addition in double a number.
template <class T>
struct LineProducts {
  /// out[line] += line . v
  void (*dots)(const Lines<T>& lines, const double* v, double* out);
  /// out[i] += sum over lines of r[line] line[i]
  void (*combine)(const Lines<T>& lines, const double* r, double* out);
  /// out[line] += sum of d[i] (line[i] - center[line])^2
  void (*dot_squares)(const Lines<T>& lines, const double* d, const double* center, double* out);
  /// out[i] += sum over lines of d[line] (line[i] - center[i])^2
  void (*combine_squares)(const Lines<T>& lines, const double* d, const double* center, double* out);
};

struct ProductTable {
  LineProducts<float> floats;
  LineProducts<double> doubles;

  template <class T>
  [[nodiscard]] const LineProducts<T>& of() const {
    if constexpr (sizeof(T) == sizeof(float)) {
      return floats;
    } else {
      return doubles;
    }
  }
};

extern const ProductTable product_table_baseline;
extern const ProductTable product_table_v3;
extern const ProductTable product_table_v4;
[[nodiscard]] const ProductTable& product_table(InstructionSet set = instruction_set());

}  // namespace curvature::kernel
