// Sorting by the bits of floating-point keys: a few linear passes instead of n log n comparisons.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace curvature::kernel {

/// An unsigned key whose order is that of the number (-0.0 just below +0.0; NaN must not occur).
template <class Value>
[[nodiscard]] auto ordered_bits(Value value) {
  using Bits = std::conditional_t<sizeof(Value) == 4, std::uint32_t, std::uint64_t>;
  constexpr Bits kSign = Bits{1} << (8 * sizeof(Bits) - 1);
  const auto bits = std::bit_cast<Bits>(value);
  return static_cast<Bits>(bits & kSign ? ~bits : bits | kSign);
}

constexpr int kDigitBits = 11;

/// Sorts `n` items stably by ordered_bits(key(item)), or by its digits of 11 bits from `first_digit` on, counted from
/// the lowest. `scratch` holds as many; returns which of the two the sorted ones are in. Each digit is a pass that
/// reads and writes every item once; one in which all keys agree is skipped.
template <class Item, class Key>
[[nodiscard]] Item* radix_sort(Item* items, Item* scratch, std::size_t n, Key key, int first_digit = 0) {
  using Bits = decltype(ordered_bits(key(*items)));
  constexpr int kDigits = (8 * static_cast<int>(sizeof(Bits)) + kDigitBits - 1) / kDigitBits;
  constexpr std::size_t kValues = std::size_t{1} << kDigitBits;
  std::vector<std::array<std::uint32_t, kValues>> counts(kDigits, std::array<std::uint32_t, kValues>{});
  const auto digit = [](Bits bits, int pass) { return (bits >> (pass * kDigitBits)) & (kValues - 1); };
  for (std::size_t i = 0; i < n; ++i) {
    const Bits bits = ordered_bits(key(items[i]));
    for (int pass = first_digit; pass < kDigits; ++pass) ++counts[static_cast<std::size_t>(pass)][digit(bits, pass)];
  }
  for (int pass = first_digit; pass < kDigits; ++pass) {
    auto& count = counts[static_cast<std::size_t>(pass)];
    if (n > 0 && count[digit(ordered_bits(key(items[0])), pass)] == n) continue;
    std::uint32_t start = 0;
    for (std::uint32_t& c : count) start += std::exchange(c, start);
    for (std::size_t i = 0; i < n; ++i) scratch[count[digit(ordered_bits(key(items[i])), pass)]++] = items[i];
    std::swap(items, scratch);
  }
  return items;
}

}  // namespace curvature::kernel
