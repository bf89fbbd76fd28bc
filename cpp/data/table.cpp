#include "data/table.hpp"

#include <bit>
#include <cstring>

namespace curvature {
namespace {

// IEEE half precision. Shifting the magnitude into float's fields and scaling by 2^112 moves the exponent's bias and
// makes subnormals right at once; infinity and NaN keep their all-ones exponent.
struct Half {
  std::uint16_t bits;
  explicit operator float() const {
    const std::uint32_t sign = (bits & 0x8000u) << 16;
    const std::uint32_t magnitude = (bits & 0x7fffu) << 13;
    const float scaled = std::bit_cast<float>(magnitude) * 0x1p112f;
    const bool special = (bits & 0x7c00u) == 0x7c00u;
    return std::bit_cast<float>((special ? magnitude | 0x7f800000u : std::bit_cast<std::uint32_t>(scaled)) | sign);
  }
  explicit operator double() const { return static_cast<double>(static_cast<float>(*this)); }
};

template <class Source, class Value>
void read_as(const Column& column, std::size_t begin, std::size_t n, Value* out) {
  const std::byte* at = column.data + static_cast<std::ptrdiff_t>(begin) * column.stride;
  for (std::size_t i = 0; i < n; ++i, at += column.stride) {
    Source value;
    std::memcpy(&value, at, sizeof(value));
    out[i] = static_cast<Value>(value);
  }
}

template <class Value>
void read_any(const Column& column, std::size_t begin, std::size_t n, Value* out) {
  switch (column.type) {
    case ValueType::f16:
      return read_as<Half>(column, begin, n, out);
    case ValueType::f32:
      return read_as<float>(column, begin, n, out);
    case ValueType::f64:
      return read_as<double>(column, begin, n, out);
    case ValueType::i8:
      return read_as<std::int8_t>(column, begin, n, out);
    case ValueType::i16:
      return read_as<std::int16_t>(column, begin, n, out);
    case ValueType::i32:
      return read_as<std::int32_t>(column, begin, n, out);
    case ValueType::i64:
      return read_as<std::int64_t>(column, begin, n, out);
    case ValueType::u8:
    case ValueType::boolean:
      return read_as<std::uint8_t>(column, begin, n, out);
    case ValueType::u16:
      return read_as<std::uint16_t>(column, begin, n, out);
    case ValueType::u32:
      return read_as<std::uint32_t>(column, begin, n, out);
    case ValueType::u64:
      return read_as<std::uint64_t>(column, begin, n, out);
  }
}

}  // namespace

void read_values(const Column& column, std::size_t begin, std::size_t n, float* out) {
  read_any(column, begin, n, out);
}
void read_values(const Column& column, std::size_t begin, std::size_t n, double* out) {
  read_any(column, begin, n, out);
}

}  // namespace curvature
