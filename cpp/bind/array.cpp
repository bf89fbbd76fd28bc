#include "bind/array.hpp"

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

}  // namespace

Table table_of(const py::array& X) {
  if (X.ndim() != 2) throw InputError(sentence("X must have 2 dimensions, got ", X.ndim(), "."));
  Table table;
  table.n_rows = static_cast<std::size_t>(X.shape(0));
  const ValueType type = value_type(X.dtype());
  const auto* data = static_cast<const std::byte*>(X.data());
  for (py::ssize_t c = 0; c < X.shape(1); ++c) {
    table.columns.push_back({data + c * X.strides(1), X.strides(0), type});
  }
  return table;
}

}  // namespace curvature
