#include "data/table.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>
#include <limits>
#include <type_traits>

#include "kernel/transpose.hpp"

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

template <class Value>
constexpr Value kMissing = std::numeric_limits<Value>::quiet_NaN();

bool bit_at(const void* bits, std::size_t at) {
  return (static_cast<const std::uint8_t*>(bits)[at / 8] >> (at % 8)) & 1;
}

// Calls take(i, value) for rows [begin, begin + n) of a chunk.
template <class Source, class Take>
void for_each(const Chunk& chunk, std::size_t begin, std::size_t n, Take&& take) {
  const std::byte* const first = chunk.data + static_cast<std::ptrdiff_t>(begin) * chunk.stride;
  const auto at_distance = [&](auto stride) {
    const std::byte* at = first;
    for (std::size_t i = 0; i < n; ++i, at += stride) {
      Source value;
      std::memcpy(&value, at, sizeof(value));
      take(i, value);
    }
  };
  constexpr std::integral_constant<std::ptrdiff_t, sizeof(Source)> kAdjacent;
  if (chunk.stride == kAdjacent) return at_distance(kAdjacent);  // whole vectors of them
  at_distance(chunk.stride);
}

// Whole units and the rest apart: the same instant is the same number in whatever unit it came.
double in_seconds(std::int64_t value, TimeUnit unit) {
  if (value == std::numeric_limits<std::int64_t>::min()) return kMissing<double>;
  const std::int64_t whole = value / unit.divisor;
  const std::int64_t rest = value % unit.divisor;
  return static_cast<double>(whole) * static_cast<double>(unit.multiplier) +
         static_cast<double>(rest) / static_cast<double>(unit.divisor);
}

template <class Source, class Value>
void read_as(const Column& column, const Chunk& chunk, std::size_t begin, std::size_t n, Value* out) {
  if constexpr (std::is_integral_v<Source>) {
    if (chunk.lookup) {
      const std::vector<double>& values = *chunk.lookup;
      return for_each<Source>(chunk, begin, n, [&](std::size_t i, Source code) {
        const bool known = static_cast<std::uint64_t>(code) < values.size();  // a negative code is huge
        out[i] = known ? static_cast<Value>(values[static_cast<std::size_t>(code)]) : kMissing<Value>;
      });
    }
    if (column.unit.counts()) {
      return for_each<Source>(chunk, begin, n, [&](std::size_t i, Source value) {
        out[i] = static_cast<Value>(in_seconds(static_cast<std::int64_t>(value), column.unit));
      });
    }
  }
  for_each<Source>(chunk, begin, n, [&](std::size_t i, Source value) { out[i] = static_cast<Value>(value); });
}

template <class Value>
void read_chunk(const Column& column, const Chunk& chunk, std::size_t begin, std::size_t n, Value* out) {
  const auto read = [&]<class Source>(Source) { read_as<Source>(column, chunk, begin, n, out); };
  switch (column.type) {
    case ValueType::f16:
      return read(Half{});
    case ValueType::f32:
      return read(float{});
    case ValueType::f64:
      return read(double{});
    case ValueType::i8:
      return read(std::int8_t{});
    case ValueType::i16:
      return read(std::int16_t{});
    case ValueType::i32:
      return read(std::int32_t{});
    case ValueType::i64:
      return read(std::int64_t{});
    case ValueType::u8:
    case ValueType::boolean:
      return read(std::uint8_t{});
    case ValueType::u16:
      return read(std::uint16_t{});
    case ValueType::u32:
      return read(std::uint32_t{});
    case ValueType::u64:
      return read(std::uint64_t{});
    case ValueType::bit:
      for (std::size_t i = 0; i < n; ++i)
        out[i] = bit_at(chunk.data, chunk.first_bit + begin + i) ? Value{1} : Value{0};
      return;
  }
}

template <class Value>
void read_any(const Column& column, std::size_t begin, std::size_t n, Value* out) {
  auto chunk = column.chunks.begin();
  if (column.chunks.size() > 1) {
    chunk = std::upper_bound(chunk, column.chunks.end(), begin,
                             [](std::size_t row, const Chunk& candidate) { return row < candidate.end; });
  }
  for (std::size_t done = 0; done < n; ++chunk) {
    const std::size_t first = chunk == column.chunks.begin() ? 0 : std::prev(chunk)->end;
    const std::size_t size = std::min(begin + n, chunk->end) - (begin + done);
    const std::size_t at = begin + done - first;
    read_chunk(column, *chunk, at, size, out + done);
    if (chunk->present) {
      for (std::size_t i = 0; i < size; ++i) {
        if (!bit_at(chunk->present, chunk->first_bit + at + i)) out[done + i] = kMissing<Value>;
      }
    }
    done += size;
  }
}

// Whether the columns are the neighbouring fields of rows, of numbers that are what they are read as.
template <class Value>
bool side_by_side(std::span<const Column> columns) {
  constexpr ValueType kOwn = sizeof(Value) == sizeof(float) ? ValueType::f32 : ValueType::f64;
  const Column& first = columns[0];
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const Column& column = columns[c];
    if (column.type != kOwn || column.chunks.size() != 1 || column.unit.counts()) return false;
    const Chunk& chunk = column.chunks[0];
    if (chunk.present || chunk.lookup || chunk.stride != first.chunks[0].stride) return false;
    if (chunk.data != first.chunks[0].data + c * sizeof(Value)) return false;
  }
  return true;
}

template <class Value>
void read_any_rows(std::span<const Column> columns, std::span<const std::size_t> rows, Value* out,
                   std::size_t distance) {
  if (side_by_side<Value>(columns)) {
    const Chunk& chunk = columns[0].chunks[0];
    const auto row_at = [&](std::size_t i) { return chunk.data + static_cast<std::ptrdiff_t>(rows[i]) * chunk.stride; };
    return kernel::rows_to_columns(row_at, rows.size(), columns.size(), out, distance);
  }
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (columns.size() > 1) {
      read_any_rows(columns.subspan(c, 1), rows, out + c * distance, distance);
    } else {
      for (std::size_t i = 0; i < rows.size(); ++i) read_any(columns[c], rows[i], 1, out + i);
    }
  }
}

template <class Value>
void read_any_block(std::span<const Column> columns, std::size_t begin, std::size_t n, Value* out,
                    std::size_t distance) {
  if (columns.size() > 1 && side_by_side<Value>(columns)) {
    const Chunk& chunk = columns[0].chunks[0];
    const std::byte* const first = chunk.data + static_cast<std::ptrdiff_t>(begin) * chunk.stride;
    const auto row_at = [&](std::size_t i) { return first + static_cast<std::ptrdiff_t>(i) * chunk.stride; };
    kernel::rows_to_columns(row_at, n, columns.size(), out, distance);
    return;
  }
  for (std::size_t c = 0; c < columns.size(); ++c) read_any(columns[c], begin, n, out + c * distance);
}

}  // namespace

bool Column::fits_float() const {
  if (is_category()) return true;
  const bool codes =
      std::any_of(chunks.begin(), chunks.end(), [](const Chunk& chunk) { return chunk.lookup != nullptr; });
  return !codes && !unit.counts() &&
         (type == ValueType::f32 || type == ValueType::f16 || type == ValueType::i8 || type == ValueType::i16 ||
          type == ValueType::u8 || type == ValueType::u16 || type == ValueType::boolean || type == ValueType::bit);
}

std::size_t Table::n_values() const { return sparse ? n_rows + sparse->row_begin(n_rows) : n_rows * columns.size(); }

void read_values(const Column& column, std::size_t begin, std::size_t n, float* out) {
  read_any(column, begin, n, out);
}
void read_values(const Column& column, std::size_t begin, std::size_t n, double* out) {
  read_any(column, begin, n, out);
}

void read_block(std::span<const Column> columns, std::size_t begin, std::size_t n, float* out, std::size_t distance) {
  read_any_block(columns, begin, n, out, distance);
}
void read_block(std::span<const Column> columns, std::size_t begin, std::size_t n, double* out, std::size_t distance) {
  read_any_block(columns, begin, n, out, distance);
}

void read_rows(std::span<const Column> columns, std::span<const std::size_t> rows, float* out, std::size_t distance) {
  read_any_rows(columns, rows, out, distance);
}
void read_rows(std::span<const Column> columns, std::span<const std::size_t> rows, double* out, std::size_t distance) {
  read_any_rows(columns, rows, out, distance);
}

}  // namespace curvature
