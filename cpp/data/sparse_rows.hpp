// Going through the entries of sparse rows, and what is checked before.
#pragma once

#include <algorithm>
#include <cstddef>

#include "data/table.hpp"

namespace curvature {

/// Throws InputError unless the rows follow each other within `n_stored` entries and all columns are in range. Returns
/// whether a column is named twice in a row. Of `rows`, the values are not looked at.
[[nodiscard]] bool check_sparse_rows(const SparseRows& rows, std::size_t n_rows, std::size_t n_stored);

/// Calls visit(row, column, value) for every entry of rows [first, last), row by row; NaN is missing.
template <class Visit>
void for_each_entry(const SparseRows& rows, std::size_t first, std::size_t last, Visit&& visit) {
  constexpr std::size_t kTogether = 256;
  double values[kTogether];
  const std::size_t end = rows.row_begin(last);
  std::size_t at = rows.row_begin(first);
  std::size_t read_from = at, read_to = at;
  for (std::size_t row = first; row < last; ++row) {
    for (const std::size_t row_end = rows.row_begin(row + 1); at < row_end; ++at) {
      if (at == read_to) {
        read_from = at;
        read_to = std::min(at + kTogether, end);
        read_values(rows.values, read_from, read_to - read_from, values);
      }
      visit(row, static_cast<std::size_t>(rows.columns[at]), values[at - read_from]);
    }
  }
}

}  // namespace curvature
