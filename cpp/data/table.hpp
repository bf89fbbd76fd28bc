// A user's table as it lies in memory: columns of numbers or of category codes, nothing copied, nothing owned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace curvature {

enum class ValueType { f16, f32, f64, i8, i16, i32, i64, u8, u16, u32, u64, boolean, bit };

/// A run of a column's rows: numbers of one type at equal distances. Lives as long as the arrays it points into.
struct Chunk {
  const std::byte* data = nullptr;
  std::ptrdiff_t stride = 0;              // bytes from one row to the next; may be negative
  std::size_t end = 0;                    // rows of the column up to the last of this chunk
  const std::uint8_t* present = nullptr;  // a bit a row, 0 where the value is missing, whatever stands there
  std::size_t first_bit = 0;              // of the chunk's first row, in `present`, and in `data` of type `bit`
  // Where values are codes: the number each stands for, NaN where missing; a code past its end is missing.
  std::shared_ptr<const std::vector<double>> lookup;
};

/// How whole numbers count time: value * multiplier / divisor is in seconds since 1970. The least number is missing.
struct TimeUnit {
  std::int64_t multiplier = 0;  // 0: not times
  std::int64_t divisor = 1;

  [[nodiscard]] bool counts() const { return multiplier != 0; }
};

/// The rows of a feature. Of a category, values are codes, whole numbers in [1, n_codes), or missing.
struct Column {
  ValueType type = ValueType::f64;
  std::vector<Chunk> chunks;
  TimeUnit unit;
  std::int32_t n_codes = 0;  // of a category, with code 0 for missing; 0 for numbers

  Column() = default;
  /// One chunk of `n` rows.
  Column(const std::byte* data, std::ptrdiff_t stride, ValueType value_type, std::size_t n)
      : type(value_type), chunks{Chunk{data, stride, n, nullptr, 0, nullptr}} {}

  [[nodiscard]] bool is_category() const { return n_codes > 0; }
  /// Whether every value is a float exactly, so that float is enough to compare it with cuts.
  [[nodiscard]] bool fits_float() const;
};

/// Whole numbers of 4 or 8 bytes, as they lie.
struct Indices {
  const void* data = nullptr;
  bool wide = false;

  [[nodiscard]] std::int64_t operator[](std::size_t i) const {
    return wide ? static_cast<const std::int64_t*>(data)[i] : static_cast<const std::int32_t*>(data)[i];
  }
};

/// Compressed sparse rows: entries [begin[i], begin[i + 1]) are those of row i, in any order, no column twice. What is
/// not stored is 0, or missing; a zero that is stored is 0, a NaN that is stored is missing.
struct SparseRows {
  Column values;
  Indices columns;
  Indices begin;
  std::size_t n_columns = 0;
  bool absent_is_missing = false;

  [[nodiscard]] double absent() const { return absent_is_missing ? std::numeric_limits<double>::quiet_NaN() : 0.0; }
  [[nodiscard]] std::size_t row_begin(std::size_t row) const { return static_cast<std::size_t>(begin[row]); }
};

/// Columns, or sparse rows.
struct Table {
  std::size_t n_rows = 0;
  std::vector<Column> columns;
  std::optional<SparseRows> sparse;

  [[nodiscard]] std::size_t n_columns() const { return sparse ? sparse->n_columns : columns.size(); }
  [[nodiscard]] bool is_category(std::size_t feature) const { return !sparse && columns[feature].is_category(); }
  /// Numbers that one pass over the table reads.
  [[nodiscard]] std::size_t n_values() const;
};

/// Values of rows [begin, begin + n) as float (columns that fit) or double; missing ones are NaN, 64-bit integers round
/// to nearest, times are seconds, each rounded once or twice whatever the unit.
void read_values(const Column& column, std::size_t begin, std::size_t n, float* out);
void read_values(const Column& column, std::size_t begin, std::size_t n, double* out);

/// The same of several columns, column c from out + c * distance on. Faster where they lie side by side in rows of
/// floats or doubles: read few enough rows for a cache to hold.
void read_block(std::span<const Column> columns, std::size_t begin, std::size_t n, float* out, std::size_t distance);
void read_block(std::span<const Column> columns, std::size_t begin, std::size_t n, double* out, std::size_t distance);
/// The same of chosen rows.
void read_rows(std::span<const Column> columns, std::span<const std::size_t> rows, float* out, std::size_t distance);
void read_rows(std::span<const Column> columns, std::span<const std::size_t> rows, double* out, std::size_t distance);

}  // namespace curvature
