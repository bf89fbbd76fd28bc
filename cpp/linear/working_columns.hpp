// The columns that coordinate descent works on, beside each other in memory: a part of a design, or all of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "data/design.hpp"
#include "kernel/columns.hpp"

namespace curvature {

class WorkingColumns {
 public:
  explicit WorkingColumns(const Design& whole) : whole_(whole), own_(whole) {}

  /// Adds the columns named, of which none is there yet, behind the others: gathered in the type that they have, by at
  /// most one pass over the design.
  void add(std::vector<std::int32_t> columns, int threads);
  /// All columns in their order: the design itself serves.
  void take_all();
  /// Lets `dot`, `add_to` and `moments` find whole columns: one transposed store where there are none.
  void make_whole(int threads);

  [[nodiscard]] std::size_t size() const { return columns_.size(); }
  [[nodiscard]] std::size_t operator[](std::size_t k) const { return static_cast<std::size_t>(columns_[k]); }
  /// A design of these columns alone.
  [[nodiscard]] const Design& design() const { return own_; }

  // Of the k-th column, as kernel/columns.hpp has them. Sparse columns: `center` is taken as 0.
  [[nodiscard]] double dot(std::size_t k, const double* u) const;
  void add_to(double step, std::size_t k, double center, const double* h, double* u) const;
  [[nodiscard]] kernel::Moments moments(std::size_t k, double center, const double* h) const;

 private:
  template <class T>
  struct Store {
    AlignedBuffer<T> dense;  // column after column
    std::vector<std::int64_t> row_begin;
    std::vector<std::int32_t> row_columns;
    std::vector<T> row_values;
    std::vector<std::int64_t> column_begin;
    std::vector<std::int32_t> column_rows;
    std::vector<T> column_values;

    [[nodiscard]] kernel::SparseColumn<T> column(std::size_t k) const {
      const auto begin = static_cast<std::size_t>(column_begin[k]);
      return {column_rows.data() + begin, column_values.data() + begin,
              static_cast<std::size_t>(column_begin[k + 1]) - begin};
    }
  };

  // Those from the place `first` on.
  template <class T>
  void gather(const DenseMatrix<T>& matrix, std::size_t first, int threads);
  template <class T>
  void gather(const SparseMatrix<T>& matrix, std::size_t first, int threads);
  template <class T>
  [[nodiscard]] const Store<T>& store() const {
    return std::get<Store<T>>(stores_);
  }

  Design whole_;
  Design own_;
  std::vector<std::int32_t> columns_;
  std::tuple<Store<float>, Store<double>> stores_;
};

}  // namespace curvature
