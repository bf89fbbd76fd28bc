// Weighted sums of outer products, X^T diag(d) X, from panels of rows packed into strips of columns.
#pragma once

#include <cstddef>

#include "base/instruction_set.hpp"

namespace curvature::kernel {

/// Rows a panel has at most: two strips of them stay in the first-level cache.
inline constexpr std::size_t kPanelRows = 128;

/// A block of numbers at any strides, as it is packed.
template <class T>
struct PanelSource {
  const T* data = nullptr;
  std::size_t n_rows = 0;  // at most kPanelRows
  std::size_t n_columns = 0;
  std::size_t row_stride = 0;
  std::size_t column_stride = 1;
  const double* center = nullptr;  // taken from every column; null: none
};

/// A panel's strips one behind the other, each row after row; the last is filled up with zeros.
struct Panel {
  double* plain = nullptr;     // x - center
  double* weighted = nullptr;  // d (x - center)
  std::size_t n_rows = 0;
};

struct GramTable {
  std::size_t strip_width;

  /// Packs columns of strips [first, last); d a number a row.
  void (*pack_floats)(const PanelSource<float>& source, const double* d, std::size_t first, std::size_t last,
                      const Panel& out);
  void (*pack_doubles)(const PanelSource<double>& source, const double* d, std::size_t first, std::size_t last,
                       const Panel& out);
  /// out[i * stride + j] += sum over the panel's rows of weighted_i plain_j, for the columns i of strip `row` and j of
  /// strip `column`, those below n_columns; and no more than the lower triangle is asked for: row >= column.
  void (*multiply)(const Panel& panel, std::size_t row, std::size_t column, std::size_t n_columns, double* out,
                   std::size_t stride);
};

extern const GramTable gram_table_baseline;
extern const GramTable gram_table_v3;
extern const GramTable gram_table_v4;
[[nodiscard]] const GramTable& gram_table(InstructionSet set = instruction_set());

}  // namespace curvature::kernel
