// Tables that Python hands over: arrays and the columns of frames, where they lie in memory.
#pragma once

#include <pybind11/numpy.h>

#include "data/table.hpp"

namespace curvature {

/// A table and what keeps its memory alive.
class BoundTable {
 public:
  /// The columns of a 2-D array of numbers.
  explicit BoundTable(const pybind11::array& X);
  /// Columns of `n_rows` each, as python/curvature/_columns.py has them: (chunks, unit, n_codes) with chunks
  /// (values, present, first_bit, lookup, n_bits).
  BoundTable(std::size_t n_rows, const pybind11::list& columns);

  /// Compressed sparse rows as they lie; `columns` and `begin` hold int32 or int64. All entries are
  /// checked.
  static BoundTable of_sparse(const pybind11::array& values, const pybind11::array& columns,
                              const pybind11::array& begin, std::pair<std::size_t, std::size_t> shape,
                              bool absent_is_missing);

  [[nodiscard]] const Table& table() const { return table_; }

 private:
  BoundTable() = default;

  Table table_;
  pybind11::list arrays_;
};

}  // namespace curvature
