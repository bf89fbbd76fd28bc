#include "data/design.hpp"

#include <algorithm>

#include "kernel/products.hpp"
#include "kernel/sparse_products.hpp"

namespace curvature {
namespace {

template <class T>
kernel::Lines<T> lines_of(const DenseMatrix<T>& matrix, std::size_t begin, std::size_t end) {
  if (matrix.rows_are_whole()) {
    return {matrix.data + begin * matrix.row_stride, end - begin, matrix.n_columns, matrix.row_stride};
  }
  return {matrix.data + begin, matrix.n_columns, end - begin, matrix.column_stride};
}

template <class T>
kernel::SparseRows<T> rows_of(const SparseMatrix<T>& matrix, std::size_t begin, std::size_t end) {
  return {matrix.begin + begin, matrix.columns, matrix.values, end - begin};
}

template <class T>
void times(const DenseMatrix<T>& matrix, std::size_t begin, std::size_t end, const double* w, double* out) {
  const auto& products = kernel::product_table().of<T>();
  (matrix.rows_are_whole() ? products.dots : products.combine)(lines_of(matrix, begin, end), w, out);
}
template <class T>
void times(const SparseMatrix<T>& matrix, std::size_t begin, std::size_t end, const double* w, double* out) {
  kernel::sparse_times(rows_of(matrix, begin, end), w, out);
}

template <class T>
void transpose_times(const DenseMatrix<T>& matrix, std::size_t begin, std::size_t end, const double* r, double* out) {
  const auto& products = kernel::product_table().of<T>();
  (matrix.rows_are_whole() ? products.combine : products.dots)(lines_of(matrix, begin, end), r, out);
}
template <class T>
void transpose_times(const SparseMatrix<T>& matrix, std::size_t begin, std::size_t end, const double* r, double* out) {
  kernel::sparse_transpose_times(rows_of(matrix, begin, end), r, out);
}

template <class T>
void square_sums(const DenseMatrix<T>& matrix, std::size_t begin, std::size_t end, const double* d,
                 const double* center, double* out) {
  const auto& products = kernel::product_table().of<T>();
  (matrix.rows_are_whole() ? products.combine_squares : products.dot_squares)(lines_of(matrix, begin, end), d, center,
                                                                              out);
}
template <class T>
void square_sums(const SparseMatrix<T>& matrix, std::size_t begin, std::size_t end, const double* d, const double*,
                 double* out) {
  kernel::sparse_square_sums(rows_of(matrix, begin, end), d, out);
}

template <class T>
std::size_t numbers_of(const DenseMatrix<T>& matrix) {
  return matrix.n_rows * matrix.n_columns;
}
template <class T>
std::size_t numbers_of(const SparseMatrix<T>& matrix) {
  return static_cast<std::size_t>(matrix.begin[matrix.n_rows] - matrix.begin[0]);
}

}  // namespace

Design::Design(const Matrix& matrix) : matrix_(matrix) {
  std::visit(
      [&](const auto& of) {
        n_rows_ = of.n_rows;
        n_columns_ = of.n_columns;
      },
      matrix_);
}

std::size_t Design::n_stored() const {
  return std::visit([](const auto& matrix) { return numbers_of(matrix); }, matrix_);
}

void Design::times(std::size_t begin, std::size_t end, const double* w, double* out) const {
  std::visit([&](const auto& matrix) { curvature::times(matrix, begin, end, w, out); }, matrix_);
}

void Design::transpose_times(std::size_t begin, std::size_t end, const double* r, double* out) const {
  std::visit([&](const auto& matrix) { curvature::transpose_times(matrix, begin, end, r, out); }, matrix_);
}

void Design::square_sums(std::size_t begin, std::size_t end, const double* d, const double* center, double* out) const {
  std::visit([&](const auto& matrix) { curvature::square_sums(matrix, begin, end, d, center, out); }, matrix_);
}

std::size_t Design::block_rows() const {
  constexpr std::size_t kNumbers = std::size_t{1} << 14;  // 128 KiB in double
  constexpr std::size_t kFewest = 32;
  constexpr std::size_t kMost = 1024;
  const std::size_t a_row = std::max<std::size_t>(1, n_rows_ ? n_stored() / n_rows_ : 1);
  return std::clamp(kNumbers / a_row, kFewest, kMost);
}

}  // namespace curvature
