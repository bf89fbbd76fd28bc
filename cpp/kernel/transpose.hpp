// Rows into columns and columns into rows, by squares in vector registers of 16 bytes, which every processor has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace curvature::kernel {

namespace detail {

template <class Vector, class T>
inline Vector load_square(const T* from) {
  Vector v;
  std::memcpy(&v, from, sizeof(v));
  return v;
}
template <class Vector, class T>
inline void store_square(T* to, Vector v) {
  std::memcpy(to, &v, sizeof(v));
}

using Floats4 = float __attribute__((vector_size(16)));
using Doubles2 = double __attribute__((vector_size(16)));
using Bytes16 = std::uint8_t __attribute__((vector_size(16)));
using Shorts8 = std::uint16_t __attribute__((vector_size(16)));
using Ints4 = std::uint32_t __attribute__((vector_size(16)));

template <class T>
inline T number_at(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

// As many numbers as there are rows, from byte `at` of each on: number i of row r becomes number r of column i.
inline void turn_square(const std::byte* const (&rows)[4], std::size_t at, float* to, std::size_t column_stride) {
  const auto a = load_square<Floats4>(rows[0] + at), b = load_square<Floats4>(rows[1] + at),
             c = load_square<Floats4>(rows[2] + at), d = load_square<Floats4>(rows[3] + at);
  const Floats4 ac_low = __builtin_shufflevector(a, c, 0, 4, 1, 5), ac_high = __builtin_shufflevector(a, c, 2, 6, 3, 7);
  const Floats4 bd_low = __builtin_shufflevector(b, d, 0, 4, 1, 5), bd_high = __builtin_shufflevector(b, d, 2, 6, 3, 7);
  store_square(to, __builtin_shufflevector(ac_low, bd_low, 0, 4, 1, 5));
  store_square(to + column_stride, __builtin_shufflevector(ac_low, bd_low, 2, 6, 3, 7));
  store_square(to + 2 * column_stride, __builtin_shufflevector(ac_high, bd_high, 0, 4, 1, 5));
  store_square(to + 3 * column_stride, __builtin_shufflevector(ac_high, bd_high, 2, 6, 3, 7));
}
template <class T>
  requires(sizeof(T) == 8)
inline void turn_square(const std::byte* const (&rows)[2], std::size_t at, T* to, std::size_t column_stride) {
  const auto a = load_square<Doubles2>(rows[0] + at), b = load_square<Doubles2>(rows[1] + at);
  store_square(to, __builtin_shufflevector(a, b, 0, 2));
  store_square(to + column_stride, __builtin_shufflevector(a, b, 1, 3));
}

}  // namespace detail

/// Turns rows of `n_columns` floats, doubles or cells, the i-th of which begins at row_at(i), aligned or not, into
/// columns whose firsts are `column_stride` numbers apart.
template <class T, class RowAt>
inline void rows_to_columns(RowAt&& row_at, std::size_t n_rows, std::size_t n_columns, T* columns,
                            std::size_t column_stride) {
  constexpr std::size_t kSide = 16 / sizeof(T);
  std::size_t row = 0;
  for (; row + kSide <= n_rows; row += kSide) {
    const std::byte* from[kSide];
    for (std::size_t i = 0; i < kSide; ++i) from[i] = row_at(row + i);
    T* const to = columns + row;
    std::size_t column = 0;
    for (; column + kSide <= n_columns; column += kSide) {
      detail::turn_square(from, column * sizeof(T), to + column * column_stride, column_stride);
    }
    for (; column < n_columns; ++column) {
      for (std::size_t i = 0; i < kSide; ++i) {
        to[column * column_stride + i] = detail::number_at<T>(from[i] + column * sizeof(T));
      }
    }
  }
  for (; row < n_rows; ++row) {
    const std::byte* const from = row_at(row);
    for (std::size_t c = 0; c < n_columns; ++c) {
      columns[c * column_stride + row] = detail::number_at<T>(from + c * sizeof(T));
    }
  }
}

/// Writes eight columns of bytes side by side: byte c of the eight at rows + i * row_stride is columns[c][i].
inline void bytes_to_rows(const std::uint8_t* const (&columns)[8], std::size_t n_rows, std::uint8_t* rows,
                          std::size_t row_stride) {
  using detail::Bytes16, detail::Shorts8, detail::Ints4;
  const auto low = [](auto a, auto b) {
    if constexpr (sizeof(a[0]) == 1) {
      return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    } else if constexpr (sizeof(a[0]) == 2) {
      return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
    } else {
      return __builtin_shufflevector(a, b, 0, 4, 1, 5);
    }
  };
  const auto high = [](auto a, auto b) {
    if constexpr (sizeof(a[0]) == 1) {
      return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    } else if constexpr (sizeof(a[0]) == 2) {
      return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
    } else {
      return __builtin_shufflevector(a, b, 2, 6, 3, 7);
    }
  };
  std::size_t row = 0;
  for (; row + 16 <= n_rows; row += 16) {
    Shorts8 pairs[8];  // columns (0, 1), rows 0 to 7; rows 8 to 15; columns (2, 3); ...
    for (std::size_t p = 0; p < 4; ++p) {
      const auto a = detail::load_square<Bytes16>(columns[2 * p] + row);
      const auto b = detail::load_square<Bytes16>(columns[2 * p + 1] + row);
      pairs[2 * p] = reinterpret_cast<Shorts8>(low(a, b));
      pairs[2 * p + 1] = reinterpret_cast<Shorts8>(high(a, b));
    }
    for (std::size_t half = 0; half < 2; ++half) {
      const auto first_low = reinterpret_cast<Ints4>(low(pairs[half], pairs[half + 2]));
      const auto first_high = reinterpret_cast<Ints4>(high(pairs[half], pairs[half + 2]));
      const auto last_low = reinterpret_cast<Ints4>(low(pairs[half + 4], pairs[half + 6]));
      const auto last_high = reinterpret_cast<Ints4>(high(pairs[half + 4], pairs[half + 6]));
      const Ints4 two_rows[4] = {low(first_low, last_low), high(first_low, last_low), low(first_high, last_high),
                                 high(first_high, last_high)};
      for (std::size_t i = 0; i < 4; ++i) {
        std::uint64_t words[2];
        std::memcpy(words, &two_rows[i], sizeof(words));
        std::uint8_t* const to = rows + (row + 8 * half + 2 * i) * row_stride;
        std::memcpy(to, &words[0], sizeof(words[0]));
        std::memcpy(to + row_stride, &words[1], sizeof(words[1]));
      }
    }
  }
  for (; row < n_rows; ++row) {
    for (std::size_t c = 0; c < 8; ++c) rows[row * row_stride + c] = columns[c][row];
  }
}

}  // namespace curvature::kernel
