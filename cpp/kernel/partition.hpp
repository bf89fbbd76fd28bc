// Splitting a node's rows in two, in place and stably.
#pragma once

#include <cstddef>
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

/// Moves the rows that go left to the front of `rows` and the others to `right_out`, both in their old order; returns
/// how many go left. One gathered code, 4 bytes read and 4 written twice a row; no branch.
template <class GoesLeft>
[[nodiscard]] std::size_t partition_by(RowIndex* rows, std::size_t n_rows, RowIndex* right_out, GoesLeft&& goes_left) {
  std::size_t n_left = 0;
  std::size_t n_right = 0;
  for (std::size_t i = 0; i < n_rows; ++i) {
    const RowIndex row = rows[i];
    const bool left = goes_left(row);
    rows[n_left] = row;
    right_out[n_right] = row;
    n_left += left;
    n_right += !left;
  }
  return n_left;
}

template <class Code>
[[nodiscard]] std::size_t partition(RowIndex* rows, std::size_t n_rows, const Code* codes, const CodeSplit& split,
                                    RowIndex* right_out) {
  static_assert(std::is_unsigned_v<Code>);
  if (split.is_set()) {
    const std::uint8_t* left_codes = split.left_codes.data();
    return partition_by(rows, n_rows, right_out, [=](RowIndex row) { return left_codes[codes[row]] != 0; });
  }
  // Missing on the right: subtracting 1 wraps code 0 to the largest code, so one comparison serves both sides.
  const Code shift = split.missing_left ? 0 : 1;
  const Code last = static_cast<Code>(split.bin - shift);
  return partition_by(rows, n_rows, right_out,
                      [=](RowIndex row) { return static_cast<Code>(codes[row] - shift) <= last; });
}

}  // namespace kernel
}  // namespace curvature
