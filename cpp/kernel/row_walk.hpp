// Walking one row down many trees.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace curvature::kernel {

inline constexpr std::size_t kTreesTogether = 10;  // walked side by side, so that their dependent loads overlap

/// What a split compares: with which of the row's keys, and how far on its left child is, before the right one. A leaf
/// compares with `kBelowAll`, which is above nothing, and steps on the spot: its value may stand as its threshold.
struct RowStep {
  std::uint16_t key;
  std::uint16_t left;
};

/// Trees that are walked together: their roots among all nodes, where their leaf values go, the depth of the deepest.
struct TreeGroup {
  std::array<std::uint32_t, kTreesTogether> root;
  std::array<std::uint32_t, kTreesTogether> place;
  std::int32_t depth;
};

// Keys of what is missing: the doubles' own lie between.
inline constexpr std::uint64_t kBelowAll = 0;
inline constexpr std::uint64_t kAboveAll = std::numeric_limits<std::uint64_t>::max();

/// A whole number in the order of the doubles, -0 as 0: compared faster, and added as a carry. Not for NaN.
[[nodiscard]] inline std::uint64_t order_key(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x + 0.0);  // -0 + 0 is 0
  const std::uint64_t if_negative = 0 - (bits >> 63);
  return bits ^ (if_negative | (std::uint64_t{1} << 63));
}

/// Keys of the row's listed columns, twice, and at the end kBelowAll for the leaves: what is missing is above all
/// thresholds in the first half, and below all in the second, which the splits read that send it left.
template <class X>
void row_keys(const X* row, const std::uint32_t* columns, std::size_t n, std::uint64_t* keys) {
  for (std::size_t i = 0; i < n; ++i) {
    const double x = row[columns[i]];
    const bool missing = x != x;
    const std::uint64_t key = order_key(x);
    keys[i] = missing ? kAboveAll : key;
    keys[n + i] = missing ? kBelowAll : key;
  }
  keys[2 * n] = kBelowAll;
}

/// Walks the row down a group's trees; `thresholds` and `steps` are those of all nodes.
inline void walk_row(const TreeGroup& group, const std::uint64_t* thresholds, const RowStep* steps,
                     const std::uint64_t* keys, double* leaf_values) {
  std::array<std::size_t, kTreesTogether> at;
  for (std::size_t k = 0; k < kTreesTogether; ++k) at[k] = group.root[k];
  for (std::int32_t level = 0; level < group.depth; ++level) {
    for (std::size_t k = 0; k < kTreesTogether; ++k) {
      const std::size_t node = at[k];
      const bool right = thresholds[node] < keys[steps[node].key];
      at[k] = node + steps[node].left + right;  // one addition with carry
    }
  }
  for (std::size_t k = 0; k < kTreesTogether; ++k)
    leaf_values[group.place[k]] = std::bit_cast<double>(thresholds[at[k]]);
}

}  // namespace curvature::kernel
