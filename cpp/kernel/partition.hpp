// Splitting a node's rows in two, stably.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "kernel/histogram.hpp"

namespace curvature {

/// Which codes go left. Of numbers: value codes 1..bin, and code 0 (missing) where `missing_left`. Of a category: codes
/// with a 1 in `left_codes`; those that the node has not seen, on the side that `missing_left` tells.
struct CodeSplit {
  std::int32_t bin = 0;
  bool missing_left = false;
  std::vector<std::uint8_t> left_codes = {};

  [[nodiscard]] bool is_set() const { return !left_codes.empty(); }
};

namespace kernel {

/// Rows on their way to one of two sides.
struct DivideTask {
  const RowIndex* rows = nullptr;
  const std::uint8_t* keys = nullptr;  // of each of the rows
  std::size_t n_rows = 0;
  std::uint8_t last_left = 0;    // rows of a key up to this go left
  RowIndex* left_out = nullptr;  // room for n_rows, as on the right; may begin at `rows`, or before
  RowIndex* right_out = nullptr;
};

struct PartitionTable {
  /// Writes the rows of each side in their old order; returns how many go left. 5 bytes read and 8 written a row.
  std::size_t (*divide)(const DivideTask& task);
};

extern const PartitionTable partition_table_baseline;
extern const PartitionTable partition_table_v3;
extern const PartitionTable partition_table_v4;
[[nodiscard]] const PartitionTable& partition_table(InstructionSet set = instruction_set());

/// Whether each row follows the one before.
[[nodiscard]] inline bool is_stretch(const RowIndex* rows, std::size_t n_rows) {
  const RowIndex first = rows[0];
  if (rows[n_rows - 1] - first != n_rows - 1) return false;
  RowIndex others = 0;
  for (std::size_t i = 0; i < n_rows; ++i) others |= rows[i] ^ (first + static_cast<RowIndex>(i));
  return others == 0;
}

/// Moves the rows whose key is at most `last_left` to the front of `rows` and the others to `right_out`, which has room
/// for all of them, both in their old order; returns how many go left. Keys of a block of rows are gathered first, or
/// read in one go where the rows are a stretch.
template <class KeyOf>
[[nodiscard]] std::size_t partition_by(RowIndex* rows, std::size_t n_rows, RowIndex* right_out, std::uint8_t last_left,
                                       const PartitionTable& table, KeyOf&& key_of) {
  constexpr std::size_t kBlock = 1024;
  std::uint8_t keys[kBlock];
  std::size_t n_left = 0;
  for (std::size_t begin = 0; begin < n_rows; begin += kBlock) {
    const std::size_t n = std::min(kBlock, n_rows - begin);
    if (is_stretch(rows + begin, n)) {
      const std::size_t first = rows[begin];
      for (std::size_t i = 0; i < n; ++i) keys[i] = key_of(first + i);
    } else {
      for (std::size_t i = 0; i < n; ++i) keys[i] = key_of(rows[begin + i]);
    }
    n_left += table.divide({rows + begin, keys, n, last_left, rows + n_left, right_out + (begin - n_left)});
  }
  return n_left;
}

/// One column of row-major codes, used like a pointer to them.
template <class Code>
struct StridedColumn {
  const Code* codes = nullptr;  // of row 0
  std::size_t stride = 0;       // codes between two rows

  [[nodiscard]] const Code& operator[](std::size_t row) const { return codes[row * stride]; }
};

/// `codes[row]` is the row's code: a pointer, or a StridedColumn.
template <class Codes>
[[nodiscard]] std::size_t partition(RowIndex* rows, std::size_t n_rows, Codes codes, const CodeSplit& split,
                                    RowIndex* right_out, const PartitionTable& table = partition_table()) {
  using Code = std::decay_t<decltype(codes[0])>;
  static_assert(std::is_unsigned_v<Code>);
  if (split.is_set()) {
    const std::uint8_t* left_codes = split.left_codes.data();
    return partition_by(rows, n_rows, right_out, 0, table,
                        [=](std::size_t row) { return static_cast<std::uint8_t>(left_codes[codes[row]] == 0); });
  }
  // Missing on the right: subtracting 1 wraps code 0 to the largest code, so one comparison serves both sides.
  const Code shift = split.missing_left ? 0 : 1;
  const Code last = static_cast<Code>(split.bin - shift);
  if constexpr (sizeof(Code) == 1) {
    return partition_by(rows, n_rows, right_out, last, table,
                        [=](std::size_t row) { return static_cast<std::uint8_t>(codes[row] - shift); });
  } else {
    return partition_by(rows, n_rows, right_out, 0, table, [=](std::size_t row) {
      return static_cast<std::uint8_t>(static_cast<Code>(codes[row] - shift) > last);
    });
  }
}

/// A column of which only the cells of other codes than `default_code` are kept, their rows in increasing order.
struct SparseColumn {
  const RowIndex* rows = nullptr;
  const std::uint16_t* codes = nullptr;
  std::size_t size = 0;
  std::uint16_t default_code = 0;
};

/// The first place from `at` on whose row is `row` or later. Steps of 1, 2, 4, …, then a search between the last two.
[[nodiscard]] inline std::size_t gallop(const RowIndex* rows, std::size_t at, std::size_t size, RowIndex row) {
  std::size_t step = 1;
  while (at + step <= size && rows[at + step - 1] < row) at += step, step *= 2;
  return static_cast<std::size_t>(std::lower_bound(rows + at, rows + std::min(at + step - 1, size), row) - rows);
}

/// Calls defaults(first, last) for stretches of `rows`, which are in increasing order, and kept(place, code) for
/// single ones, in order. Galloping through both lists: as cheap as the shorter one, but for a logarithm.
template <class Defaults, class Kept>
void join(const RowIndex* rows, std::size_t n_rows, const SparseColumn& column, Defaults&& defaults, Kept&& kept) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < n_rows;) {
    at = gallop(column.rows, at, column.size, rows[i]);
    const std::size_t next = at < column.size ? gallop(rows, i, n_rows, column.rows[at]) : n_rows;
    if (next > i) defaults(i, next);
    i = next;
    if (i < n_rows && column.rows[at] == rows[i]) kept(i++, column.codes[at++]);
  }
}

/// Where the rows of each side go next.
struct Sides {
  RowIndex* left;
  RowIndex* right;
};

/// Rows and kept cells of one stretch of kMarkedRows rows, whose number tells how they are parted: by marking the rows
/// that do not go where the default code does, one bit a row, or by a join where one list is much shorter.
inline constexpr std::size_t kMarkedRows = std::size_t{1} << 16;

template <class GoesLeft>
void part_marked(const RowIndex* rows, std::size_t n_rows, const SparseColumn& column, GoesLeft&& goes_left,
                 Sides& sides, const PartitionTable& table) {
  constexpr std::size_t kBits = 64, kBlock = 1024;
  std::uint64_t marks[kMarkedRows / kBits];
  const bool default_left = goes_left(column.default_code);
  const auto begin = static_cast<RowIndex>(rows[0] - rows[0] % kBits);
  std::fill_n(marks, (rows[n_rows - 1] - begin) / kBits + 1, 0);
  for (std::size_t i = 0; i < column.size; ++i) {
    const RowIndex at = column.rows[i] - begin;
    marks[at / kBits] |= std::uint64_t{goes_left(column.codes[i]) != default_left} << at % kBits;
  }
  std::uint8_t keys[kBlock];
  for (std::size_t first = 0; first < n_rows; first += kBlock) {
    const std::size_t n = std::min(kBlock, n_rows - first);
    for (std::size_t i = 0; i < n; ++i) {
      const RowIndex at = rows[first + i] - begin;
      keys[i] = static_cast<std::uint8_t>((marks[at / kBits] >> at % kBits & 1) ^ !default_left);
    }
    const std::size_t n_left = table.divide({rows + first, keys, n, 0, sides.left, sides.right});
    sides.left += n_left;
    sides.right += n - n_left;
  }
}

template <class GoesLeft>
void part_joined(const RowIndex* rows, std::size_t n_rows, const SparseColumn& column, GoesLeft&& goes_left,
                 Sides& sides) {
  const auto move = [&](std::size_t first, std::size_t last, bool left) {
    RowIndex*& side = left ? sides.left : sides.right;
    std::memmove(side, rows + first, (last - first) * sizeof(RowIndex));
    side += last - first;
  };
  const bool default_left = goes_left(column.default_code);
  join(
      rows, n_rows, column, [&](std::size_t first, std::size_t last) { move(first, last, default_left); },
      [&](std::size_t place, std::uint16_t code) { move(place, place + 1, goes_left(code)); });
}

/// The same for a sparse column; `rows` are in increasing order.
[[nodiscard]] inline std::size_t partition(RowIndex* rows, std::size_t n_rows, const SparseColumn& column,
                                           const CodeSplit& split, RowIndex* right_out,
                                           const PartitionTable& table = partition_table()) {
  constexpr std::size_t kMuchShorter = 24;  // about so many marked rows cost as much as a joined one
  const auto goes_left = [&](std::uint16_t code) { return code == 0 ? split.missing_left : code <= split.bin; };
  Sides sides{rows, right_out};
  std::size_t at = 0;
  for (std::size_t first = 0, last; first < n_rows; first = last) {
    const auto behind = static_cast<RowIndex>((rows[first] / kMarkedRows + 1) * kMarkedRows);
    last = gallop(rows, first, n_rows, behind);
    at = gallop(column.rows, at, column.size, rows[first]);
    const std::size_t end = gallop(column.rows, at, column.size, rows[last - 1] + 1);
    const SparseColumn part{column.rows + at, column.codes + at, end - at, column.default_code};
    const std::size_t n = last - first;
    if (part.size <= n * kMuchShorter && n <= part.size * kMuchShorter) {
      part_marked(rows + first, n, part, goes_left, sides, table);
    } else {
      part_joined(rows + first, n, part, goes_left, sides);
    }
    at = end;
  }
  return static_cast<std::size_t>(sides.left - rows);
}

/// Calls visit(i, code) for each of the rows, in order.
template <class Codes, class Visit>
void for_each_code(const Codes& codes, const RowIndex* rows, std::size_t n_rows, Visit&& visit) {
  for (std::size_t i = 0; i < n_rows; ++i) visit(i, codes[rows[i]]);
}
template <class Visit>
void for_each_code(const SparseColumn& column, const RowIndex* rows, std::size_t n_rows, Visit&& visit) {
  join(
      rows, n_rows, column,
      [&](std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i) visit(i, column.default_code);
      },
      visit);
}

}  // namespace kernel
}  // namespace curvature
