// A user's table as linear models multiply it: rows of numbers, dense or sparse, where they lie in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

namespace curvature {

/// Numbers of one type. Either the columns of a row are neighbours (row_stride apart from the next row's), or the rows
/// of a column are (column_stride apart); the other stride is 1. In elements.
template <class T>
struct DenseMatrix {
  const T* data = nullptr;
  std::size_t n_rows = 0;
  std::size_t n_columns = 0;
  std::size_t row_stride = 0;
  std::size_t column_stride = 1;

  [[nodiscard]] bool rows_are_whole() const { return column_stride == 1; }
};

/// Compressed sparse rows: those of row i are [begin[i], begin[i + 1]) of `columns` and `values`. Columns are in
/// range; a column named twice counts as the sum.
template <class T>
struct SparseMatrix {
  const std::int64_t* begin = nullptr;
  const std::int32_t* columns = nullptr;
  const T* values = nullptr;
  std::size_t n_rows = 0;
  std::size_t n_columns = 0;
};

/// Five products, each of rows [begin, end), summed in double in an order that does not depend on threads. `r` and `d`
/// belong to those rows alone: their first element is that of row `begin`. Does not own the numbers.
class Design {
 public:
  using Matrix = std::variant<DenseMatrix<float>, DenseMatrix<double>, SparseMatrix<float>, SparseMatrix<double>>;
  explicit Design(const Matrix& matrix);

  [[nodiscard]] const Matrix& matrix() const { return matrix_; }
  [[nodiscard]] std::size_t n_rows() const { return n_rows_; }
  [[nodiscard]] std::size_t n_columns() const { return n_columns_; }
  [[nodiscard]] bool is_sparse() const { return matrix_.index() >= 2; }
  /// Numbers that a product with all rows reads.
  [[nodiscard]] std::size_t n_stored() const;

  /// out[i] += x_i . w
  void times(std::size_t begin, std::size_t end, const double* w, double* out) const;
  /// out[j] += sum of r_i x_ij
  void transpose_times(std::size_t begin, std::size_t end, const double* r, double* out) const;
  /// out[j] += sum of d_i (x_ij - center_j)^2: the diagonal of the Gram matrix. Sparse: centers are taken as 0.
  void square_sums(std::size_t begin, std::size_t end, const double* d, const double* center, double* out) const;

  /// Rows that a block of them should have, so that it stays in the second-level cache between two products.
  [[nodiscard]] std::size_t block_rows() const;

 private:
  Matrix matrix_;
  std::size_t n_rows_ = 0;
  std::size_t n_columns_ = 0;
};

}  // namespace curvature
