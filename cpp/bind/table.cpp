#include "bind/table.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include <pybind11/stl.h>

#include "base/errors.hpp"
#include "bind/array.hpp"
#include "bind/levels.hpp"
#include "bind/register.hpp"
#include "data/sparse_rows.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

ValueType value_type(const py::dtype& dtype) {
  const char kind = dtype.kind();
  const auto size = dtype.itemsize();
  const bool native = dtype.byteorder() == '=' || dtype.byteorder() == '|';
  if (native && kind == 'f') {
    if (size == 2) return ValueType::f16;
    if (size == 4) return ValueType::f32;
    if (size == 8) return ValueType::f64;
  }
  if (native && kind == 'b') return ValueType::boolean;
  if (native && kind == 'i') {
    if (size == 1) return ValueType::i8;
    if (size == 2) return ValueType::i16;
    if (size == 4) return ValueType::i32;
    if (size == 8) return ValueType::i64;
  }
  if (native && kind == 'u') {
    if (size == 1) return ValueType::u8;
    if (size == 2) return ValueType::u16;
    if (size == 4) return ValueType::u32;
    if (size == 8) return ValueType::u64;
  }
  throw InputError(sentence("X has dtype ", py::str(dtype).cast<std::string>(),
                            "; native float16/32/64, integers and bool are allowed."));
}

Indices indices_of(const py::array& array, const char* what) {
  const bool wide = array.itemsize() == 8;
  if (array.dtype().kind() != 'i' || (!wide && array.itemsize() != 4) || array.dtype().byteorder() != '=') {
    throw InputError(sentence("X has ", what, " of dtype ", py::str(array.dtype()).cast<std::string>(),
                              "; int32 and int64 are allowed."));
  }
  if (array.ndim() != 1 || !(array.flags() & py::array::c_style)) {
    throw InputError(sentence("X has ", what, " that are not one contiguous array."));
  }
  return {array.data(), wide};
}

const std::byte* bytes_of(const py::array& array) { return static_cast<const std::byte*>(array.data()); }

void require_bits(const py::array& bits, std::size_t n) {
  if (bits.ndim() != 1 || bits.itemsize() != 1 || (bits.size() > 1 && bits.strides(0) != 1) ||
      static_cast<std::size_t>(bits.size()) < n) {
    throw InputError(sentence("X has a bitmap of ", bits.size(), " bytes; at least ", n, " are needed."));
  }
}

// Appends a chunk to the column; `arrays` keeps its memory. Codes of a category must be in [1, n_codes).
void add_chunk(Column& column, const py::tuple& given, py::list& arrays) {
  const auto values = given[0].cast<py::array>();
  const auto first_bit = given[2].cast<std::size_t>();
  Chunk chunk;
  chunk.data = bytes_of(values);
  chunk.first_bit = first_bit;
  const bool bits = !given[4].is_none();
  const ValueType type = bits ? ValueType::bit : value_type(values.dtype());
  if (!column.chunks.empty() && column.type != type) throw InputError("X has a column with chunks of several types.");
  column.type = type;
  std::size_t n;
  if (bits) {
    n = given[4].cast<std::size_t>();
    require_bits(values, (first_bit + n + 7) / 8);
  } else {
    if (values.ndim() != 1) throw InputError(sentence("X has a column of ", values.ndim(), " dimensions."));
    n = static_cast<std::size_t>(values.size());
    chunk.stride = values.strides(0);
  }
  chunk.end = n + (column.chunks.empty() ? 0 : column.chunks.back().end);
  if (!given[1].is_none()) {
    const auto present = given[1].cast<py::array>();
    require_bits(present, (first_bit + n + 7) / 8);
    chunk.present = reinterpret_cast<const std::uint8_t*>(bytes_of(present));
    arrays.append(present);
  }
  if (!given[3].is_none()) chunk.lookup = std::make_shared<const std::vector<double>>(to_vector<double>(given[3]));
  if (column.is_category()) {
    if (!chunk.lookup) throw InputError("X has a category without a lookup of its codes.");
    for (const double code : *chunk.lookup) {
      const bool whole = code >= 1 && code < column.n_codes && code == static_cast<std::int32_t>(code);
      if (!(code != code) && !whole) throw InputError(sentence("X has a category with the code ", code, "."));
    }
  }
  arrays.append(values);
  column.chunks.push_back(std::move(chunk));
}

const Column& column_at(const BoundTable& bound, std::size_t at) {
  const auto& columns = bound.table().columns;
  if (at >= columns.size()) throw InputError(sentence("column ", at, " of ", columns.size(), "."));
  return columns[at];
}

}  // namespace

BoundTable::BoundTable(const py::array& X) {
  if (X.ndim() != 2) throw InputError(sentence("X must have 2 dimensions, got ", X.ndim(), "."));
  table_.n_rows = static_cast<std::size_t>(X.shape(0));
  const ValueType type = value_type(X.dtype());
  for (py::ssize_t c = 0; c < X.shape(1); ++c) {
    table_.columns.emplace_back(bytes_of(X) + c * X.strides(1), X.strides(0), type, table_.n_rows);
  }
  arrays_.append(X);
}

BoundTable::BoundTable(std::size_t n_rows, const py::list& columns) {
  table_.n_rows = n_rows;
  for (const py::handle& given : columns) {
    const auto fields = given.cast<py::tuple>();
    Column column;
    const auto unit = fields[1].cast<py::tuple>();
    column.unit = {unit[0].cast<std::int64_t>(), unit[1].cast<std::int64_t>()};
    if (column.unit.divisor < 1) throw InputError("X has times in units of no length.");
    column.n_codes = fields[2].cast<std::int32_t>();
    for (const py::handle& chunk : fields[0]) add_chunk(column, chunk.cast<py::tuple>(), arrays_);
    const std::size_t n = column.chunks.empty() ? 0 : column.chunks.back().end;
    if (n != n_rows) throw InputError(sentence("X has a column of ", n, " rows among columns of ", n_rows, "."));
    table_.columns.push_back(std::move(column));
  }
}

namespace {

// Everything but the values.
SparseRows sparse_rows_of(const py::array& columns, const py::array& begin, std::pair<std::size_t, std::size_t> shape) {
  SparseRows rows;
  rows.columns = indices_of(columns, "sparse columns");
  rows.begin = indices_of(begin, "beginnings of sparse rows");
  rows.n_columns = shape.second;
  if (static_cast<std::size_t>(begin.size()) != shape.first + 1) {
    throw InputError(sentence("X has ", begin.size(), " beginnings of sparse rows; ", shape.first,
                              " rows need one more than their number."));
  }
  return rows;
}

bool repeats_columns(const py::array& columns, const py::array& begin, std::pair<std::size_t, std::size_t> shape) {
  return check_sparse_rows(sparse_rows_of(columns, begin, shape), shape.first,
                           static_cast<std::size_t>(columns.size()));
}

}  // namespace

BoundTable BoundTable::of_sparse(const py::array& values, const py::array& columns, const py::array& begin,
                                 std::pair<std::size_t, std::size_t> shape, bool absent_is_missing) {
  if (values.ndim() != 1) throw InputError(sentence("X has sparse values of ", values.ndim(), " dimensions."));
  const auto n_stored = static_cast<std::size_t>(std::min(values.size(), columns.size()));
  SparseRows rows = sparse_rows_of(columns, begin, shape);
  rows.values = Column(bytes_of(values), values.strides(0), value_type(values.dtype()), n_stored);
  rows.absent_is_missing = absent_is_missing;
  if (check_sparse_rows(rows, shape.first, n_stored)) {
    throw InputError("X has a column that a sparse row names twice; such entries must be added up before.");
  }
  BoundTable bound;
  bound.table_.n_rows = shape.first;
  bound.table_.sparse = std::move(rows);
  for (const py::array& array : {values, columns, begin}) bound.arrays_.append(array);
  return bound;
}

void register_table(py::module_& module) {
  module.def("repeats_columns", &repeats_columns, py::arg("columns"), py::arg("begin"), py::arg("shape"));
  py::class_<BoundTable, std::shared_ptr<BoundTable>>(module, "Table")
      .def(py::init<const py::array&>(), py::arg("X"))
      .def(py::init<std::size_t, const py::list&>(), py::arg("n_rows"), py::arg("columns"))
      .def_static("of_sparse", &BoundTable::of_sparse, py::arg("values"), py::arg("columns"), py::arg("begin"),
                  py::arg("shape"), py::arg("absent_is_missing") = false)
      .def_property_readonly("n_rows", [](const BoundTable& bound) { return bound.table().n_rows; })
      .def_property_readonly("n_columns", [](const BoundTable& bound) { return bound.table().n_columns(); })
      .def(
          "column",
          [](const BoundTable& bound, std::size_t at) {
            DoubleArray values(static_cast<py::ssize_t>(bound.table().n_rows));
            read_values(column_at(bound, at), 0, bound.table().n_rows, values.mutable_data());
            return values;
          },
          py::arg("at"), "Values of a column as float64; codes of a category.")
      .def(
          "integer_levels",
          [](const BoundTable& bound, std::size_t at, const std::string& name) {
            const Column& column = column_at(bound, at);
            IntegerLevels found;
            {
              const py::gil_scoped_release unlocked;
              found = integer_levels(column, bound.table().n_rows, name);
            }
            return py::make_tuple(codes_array(std::move(found.codes)), to_array(found.levels));
          },
          py::arg("at"), py::arg("name"), "Codes (0: missing) and levels of a column of whole numbers.")
      .def(
          "code_weights",
          [](const BoundTable& bound, std::size_t at, const std::optional<DoubleArray>& weights) {
            const Column& column = column_at(bound, at);
            if (!column.is_category()) throw InputError(sentence("column ", at, " is no category."));
            if (weights) require_length(*weights, bound.table().n_rows, "weights");
            const double* by_row = weights ? weights->data() : nullptr;
            std::vector<double> sums;
            {
              const py::gil_scoped_release unlocked;
              sums = code_weights(column, bound.table().n_rows, by_row);
            }
            return to_array(sums);
          },
          py::arg("at"), py::arg("weights") = py::none(), "Total weight of every code of a category.");
}

}  // namespace curvature
