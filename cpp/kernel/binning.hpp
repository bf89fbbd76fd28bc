// From values to codes: the number of cuts below a value, plus one; 0 for a missing value.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace curvature::kernel {

/// One column's cuts, padded with +inf to a power of two minus one, as a balanced search wants them.
/// `Value` is float where the column's values are exactly floats: its cuts are rounded toward -inf, which keeps
/// x <= cut true for the same x.
template <class Value>
class CutSearch {
 public:
  CutSearch() = default;
  explicit CutSearch(const std::vector<double>& cuts) : steps_(static_cast<int>(std::bit_width(cuts.size()))) {
    cuts_.assign((std::size_t{1} << steps_) - 1, std::numeric_limits<Value>::infinity());
    for (std::size_t i = 0; i < cuts.size(); ++i) cuts_[i] = rounded_down(cuts[i]);
  }

  /// Codes of `n` values. Branchless: log2(cuts) dependent loads a value, sixteen values at a time to overlap them.
  template <class Code>
  void encode(const Value* values, std::size_t n, Code* codes) const {
    constexpr std::size_t kTogether = 16;
    std::size_t i = 0;
    for (; i + kTogether <= n; i += kTogether) encode_some<kTogether>(values + i, codes + i);
    for (; i < n; ++i) encode_some<1>(values + i, codes + i);
  }

 private:
  static Value rounded_down(double cut) {
    const auto nearest = static_cast<Value>(cut);
    if (static_cast<double>(nearest) <= cut) return nearest;
    // The next value toward -inf, by its bits; the nearest of a finite double is never NaN.
    using Bits = std::conditional_t<sizeof(Value) == 4, std::uint32_t, std::uint64_t>;
    if (nearest == 0) return -std::numeric_limits<Value>::denorm_min();
    const auto bits = std::bit_cast<Bits>(nearest);
    return std::bit_cast<Value>(nearest > 0 ? bits - 1 : bits + 1);
  }

  template <std::size_t Together, class Code>
  void encode_some(const Value* values, Code* codes) const {
    const Value* at[Together];  // all cuts before it are below the value
    for (const Value*& a : at) a = cuts_.data();
    for (int step = steps_ - 1; step >= 0; --step) {
      const std::size_t half = std::size_t{1} << step;
      // A product, not a choice: compilers turn a choice into a branch, wrong every other time.
      for (std::size_t k = 0; k < Together; ++k) at[k] += static_cast<std::size_t>(at[k][half - 1] < values[k]) * half;
    }
    for (std::size_t k = 0; k < Together; ++k) {
      const bool missing = values[k] != values[k];
      codes[k] = missing ? Code{0} : static_cast<Code>(at[k] - cuts_.data() + 1);
    }
  }

  int steps_ = 0;
  std::vector<Value> cuts_;
};

}  // namespace curvature::kernel
