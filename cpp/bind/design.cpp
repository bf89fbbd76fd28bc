#include "bind/design.hpp"

#include <algorithm>

#include "base/errors.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

template <class T>
Design::Matrix dense_of(const py::array& X) {
  const auto stride = [&](int axis) {  // in numbers; of an axis of length 1 any will do
    return X.shape(axis) > 1 ? X.strides(axis) / static_cast<py::ssize_t>(sizeof(T)) : 1;
  };
  DenseMatrix<T> matrix;
  matrix.data = static_cast<const T*>(X.data());
  matrix.n_rows = static_cast<std::size_t>(X.shape(0));
  matrix.n_columns = static_cast<std::size_t>(X.shape(1));
  const bool rows_are_whole = stride(1) == 1;
  const py::ssize_t other = rows_are_whole ? stride(0) : stride(1);
  if ((!rows_are_whole && stride(0) != 1) || other < 0 || reinterpret_cast<std::uintptr_t>(X.data()) % sizeof(T) != 0) {
    throw InputError("X must be an array in C or Fortran order.");
  }
  matrix.row_stride = rows_are_whole ? static_cast<std::size_t>(other) : 1;
  matrix.column_stride = rows_are_whole ? 1 : static_cast<std::size_t>(other);
  return matrix;
}

template <class T>
Design::Matrix sparse_of(const py::array& values, const py::array_t<std::int32_t>& columns,
                         const py::array_t<std::int64_t>& begin, std::size_t n_rows, std::size_t n_columns) {
  const std::int64_t* from = begin.data();
  const bool in_order = static_cast<std::size_t>(begin.size()) == n_rows + 1 && from[0] == 0 &&
                        std::is_sorted(from, from + n_rows + 1) && from[n_rows] == values.size() &&
                        values.size() == columns.size();
  if (!in_order) throw InputError("X has sparse rows that do not follow each other up to the end of its values.");
  constexpr std::size_t kMostColumns = (std::size_t{1} << 31) - 1;
  if (n_columns > kMostColumns) {
    throw InputError(sentence("X has ", n_columns, " columns; at most ", kMostColumns, " are allowed."));
  }
  // As unsigned numbers, negative ones are too large.
  const auto* found = reinterpret_cast<const std::uint32_t*>(columns.data());
  const auto worst = std::max_element(found, found + columns.size());
  if (columns.size() > 0 && *worst >= n_columns) {
    throw InputError(sentence("X has a sparse entry in column ", static_cast<std::int32_t>(*worst), "; it has ",
                              n_columns, " columns."));
  }
  return SparseMatrix<T>{from, columns.data(), static_cast<const T*>(values.data()), n_rows, n_columns};
}

bool is_float(const py::array& array, py::ssize_t size) {
  return array.dtype().kind() == 'f' && array.itemsize() == size && array.dtype().byteorder() == '=';
}

[[noreturn]] void refuse() {
  throw InputError("X must be a 2-D array of float32 or float64, or a tuple (values, columns, begin, shape) of them.");
}

}  // namespace

Design design_of(const py::object& X) {
  if (py::isinstance<py::array>(X)) {
    const auto array = py::reinterpret_borrow<py::array>(X);
    if (array.ndim() != 2) refuse();
    if (is_float(array, 4)) return Design(dense_of<float>(array));
    if (is_float(array, 8)) return Design(dense_of<double>(array));
    refuse();
  }
  if (!py::isinstance<py::tuple>(X) || py::len(X) != 4) refuse();
  const auto parts = py::reinterpret_borrow<py::tuple>(X);
  using Columns = py::array_t<std::int32_t>;
  using Begin = py::array_t<std::int64_t>;
  constexpr int kContiguous = py::array::c_style;
  const bool typed = py::isinstance<py::array>(parts[0]) && py::array_t<std::int32_t, kContiguous>::check_(parts[1]) &&
                     py::array_t<std::int64_t, kContiguous>::check_(parts[2]);
  if (!typed) refuse();
  const auto values = py::reinterpret_borrow<py::array>(parts[0]);
  if (values.ndim() != 1 || !(values.flags() & py::array::c_style)) refuse();
  const auto [n_rows, n_columns] = parts[3].cast<std::pair<std::size_t, std::size_t>>();
  const auto columns = py::reinterpret_borrow<Columns>(parts[1]);
  const auto begin = py::reinterpret_borrow<Begin>(parts[2]);
  if (is_float(values, 4)) return Design(sparse_of<float>(values, columns, begin, n_rows, n_columns));
  if (is_float(values, 8)) return Design(sparse_of<double>(values, columns, begin, n_rows, n_columns));
  refuse();
}

}  // namespace curvature
