// Walking a block of rows down a tree.
#pragma once

#include <cstddef>
#include <cstdint>

namespace curvature::kernel {

/// A split, or a leaf that sends every row to itself (threshold +inf, missing to the left, left = its own index).
struct WalkNode {
  double threshold;
  std::uint32_t left;
  std::uint32_t column;  // of the block; the top bit is set where missing goes right
};
inline constexpr std::uint32_t kMissingRight = 0x80000000u;

/// Walks `Rows` rows side by side, so that their dependent loads overlap; one compare a level, no branch but the end.
/// `block` holds the rows one after another, `stride` values each.
template <std::size_t Rows>
void walk(const WalkNode* tree, std::int32_t depth, const double* block, std::size_t stride, std::uint32_t* leaves) {
  std::uint32_t at[Rows] = {};
  for (std::int32_t level = 0; level < depth; ++level) {
    std::uint32_t moved = 0;
    for (std::size_t r = 0; r < Rows; ++r) {
      const WalkNode& node = tree[at[r]];
      const double x = block[r * stride + (node.column & ~kMissingRight)];
      const std::uint32_t missing_right = static_cast<std::uint32_t>(x != x) & (node.column >> 31);
      const std::uint32_t next = node.left + (static_cast<std::uint32_t>(x > node.threshold) | missing_right);
      moved |= next ^ at[r];
      at[r] = next;
    }
    if (moved == 0) break;
  }
  for (std::size_t r = 0; r < Rows; ++r) leaves[r] = at[r];
}

}  // namespace curvature::kernel
