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

/// Sorts `items` stably by ordered_bits(key(item)), using `scratch`. Passes of 11 bits; those in which all keys agree
/// are skipped. Each pass reads and writes every item once.
template <class Item, class Key>
void radix_sort(std::vector<Item>& items, std::vector<Item>& scratch, Key key) {
  using Bits = decltype(ordered_bits(key(items[0])));
  constexpr int kDigitBits = 11;
  constexpr int kDigits = (8 * static_cast<int>(sizeof(Bits)) + kDigitBits - 1) / kDigitBits;
  constexpr std::size_t kValues = std::size_t{1} << kDigitBits;
  std::vector<std::array<std::uint32_t, kValues>> counts(kDigits, std::array<std::uint32_t, kValues>{});
  const auto digit = [](Bits bits, int pass) { return (bits >> (pass * kDigitBits)) & (kValues - 1); };
  for (const Item& item : items) {
    const Bits bits = ordered_bits(key(item));
    for (int pass = 0; pass < kDigits; ++pass) ++counts[static_cast<std::size_t>(pass)][digit(bits, pass)];
  }
  scratch.resize(items.size());
  for (int pass = 0; pass < kDigits; ++pass) {
    auto& count = counts[static_cast<std::size_t>(pass)];
    if (!items.empty() && count[digit(ordered_bits(key(items[0])), pass)] == items.size()) continue;
    std::uint32_t start = 0;
    for (std::uint32_t& c : count) start += std::exchange(c, start);
    for (const Item& item : items) scratch[count[digit(ordered_bits(key(item)), pass)]++] = item;
    items.swap(scratch);
  }
}

}  // namespace curvature::kernel
