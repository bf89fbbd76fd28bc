// Splitting a node's rows in two, in place and stably.
#pragma once

#include <cstddef>
#include <type_traits>

#include "kernel/histogram.hpp"

namespace curvature {

/// Which codes go left: value codes 1..bin, and code 0 (missing) where `missing_left`.
struct CodeSplit {
  std::int32_t bin = 0;
  bool missing_left = false;
};

namespace kernel {

/// Moves the rows that go left to the front of `rows` and the others to `right_out`, both in their old order; returns
/// how many go left. One gathered code, 4 bytes read and 4 written twice a row; no branch.
template <class Code>
[[nodiscard]] std::size_t partition(RowIndex* rows, std::size_t n_rows, const Code* codes, CodeSplit split,
                                    RowIndex* right_out) {
  // Missing on the right: subtracting 1 wraps code 0 to the largest code, so one comparison serves both sides.
  static_assert(std::is_unsigned_v<Code>);
  const Code shift = split.missing_left ? 0 : 1;
  const Code last = static_cast<Code>(split.bin - shift);
  std::size_t n_left = 0;
  std::size_t n_right = 0;
  for (std::size_t i = 0; i < n_rows; ++i) {
    const RowIndex row = rows[i];
    const bool left = static_cast<Code>(codes[row] - shift) <= last;
    rows[n_left] = row;
    right_out[n_right] = row;
    n_left += left;
    n_right += !left;
  }
  return n_left;
}

}  // namespace kernel
}  // namespace curvature
