// A user's table as it lies in memory: columns of numbers, nothing copied, nothing owned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace curvature {

enum class ValueType { f16, f32, f64, i8, i16, i32, i64, u8, u16, u32, u64, boolean };

/// Numbers of one type at equal distances. Lives as long as the array it points into.
struct Column {
  const std::byte* data = nullptr;
  std::ptrdiff_t stride = 0;  // bytes from one row to the next; may be negative
  ValueType type = ValueType::f64;

  /// Whether every value is a float exactly, so that float is enough to compare it with cuts.
  [[nodiscard]] bool fits_float() const {
    return type == ValueType::f32 || type == ValueType::f16 || type == ValueType::i8 || type == ValueType::i16 ||
           type == ValueType::u8 || type == ValueType::u16 || type == ValueType::boolean;
  }
};

struct Table {
  std::size_t n_rows = 0;
  std::vector<Column> columns;
};

/// Values of rows [begin, begin + n) as float (columns that fit) or double; 64-bit integers round to nearest.
void read_values(const Column& column, std::size_t begin, std::size_t n, float* out);
void read_values(const Column& column, std::size_t begin, std::size_t n, double* out);

}  // namespace curvature
