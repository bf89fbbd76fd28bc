// Walking a block of rows down a tree.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace curvature::kernel {

/// A split, or a leaf that sends every row to itself (threshold +inf, missing to the left, left = its own index).
struct WalkNode {
  double threshold;  // of a category: a `WordRange`
  std::uint32_t left;
  std::uint32_t column;  // of the block; the top bit is set where missing goes right, the next where there is a set
};
inline constexpr std::uint32_t kMissingRight = 0x80000000u;
inline constexpr std::uint32_t kHasSet = 0x40000000u;
inline constexpr std::uint32_t kColumn = kHasSet - 1;

/// Where the bits of a set are among the words of all sets.
struct WordRange {
  std::uint32_t begin;
  std::uint32_t size;
};

/// Whether a code (a whole number, or NaN for code 0) is in the set.
[[nodiscard]] inline bool in_set(double x, WordRange range, const std::uint32_t* words) {
  const std::uint32_t code = x > 0 ? static_cast<std::uint32_t>(x) : 0;
  return code / 32 < range.size && ((words[range.begin + code / 32] >> (code % 32)) & 1) != 0;
}

/// Walks `Rows` rows side by side, so that their dependent loads overlap; one compare a level, no branch but the end.
/// `block` holds the rows one after another, `stride` values each.
/// `Sets`: whether some node may have a set; `words` are read then only.
template <std::size_t Rows, bool Sets>
void walk(const WalkNode* tree, std::int32_t depth, const double* block, std::size_t stride, const std::uint32_t* words,
          std::uint32_t* leaves) {
  std::uint32_t at[Rows] = {};
  for (std::int32_t level = 0; level < depth; ++level) {
    std::uint32_t moved = 0;
    for (std::size_t r = 0; r < Rows; ++r) {
      const WalkNode& node = tree[at[r]];
      const double x = block[r * stride + (node.column & kColumn)];
      const std::uint32_t missing_right = static_cast<std::uint32_t>(x != x) & (node.column >> 31);
      std::uint32_t next = node.left + (static_cast<std::uint32_t>(x > node.threshold) | missing_right);
      if constexpr (Sets) {
        if (node.column & kHasSet) {
          const bool listed = in_set(x, std::bit_cast<WordRange>(node.threshold), words);
          next = node.left + (static_cast<std::uint32_t>(listed) ^ (node.column >> 31));
        }
      }
      moved |= next ^ at[r];
      at[r] = next;
    }
    if (moved == 0) break;
  }
  for (std::size_t r = 0; r < Rows; ++r) leaves[r] = at[r];
}

}  // namespace curvature::kernel
