// From values to codes: the number of cuts below a value, plus one; 0 for a missing value.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "base/instruction_set.hpp"

namespace curvature::kernel {

/// One column's cuts as searches want them. `Value` is float where the column's values are exactly floats: its cuts are
/// rounded toward -inf, which keeps x <= cut true for the same x.
template <class Value>
class CutSearch {
 public:
  static constexpr std::size_t kMostNarrowCuts = 254;  // whose codes are bytes

  CutSearch() = default;
  explicit CutSearch(const std::vector<double>& cuts);

  /// Codes of `n` values; those of one byte are for at most kMostNarrowCuts cuts.
  void encode(const Value* values, std::size_t n, std::uint8_t* codes, InstructionSet set = instruction_set()) const;
  void encode(const Value* values, std::size_t n, std::uint16_t* codes) const;

  // What the loops of the instruction sets read.
  static constexpr std::size_t kGroup = 8;    // cuts compared at once,
  static constexpr std::size_t kGroups = 32;  // one group of these many found by its last cut
  /// Every cut in order, then +inf: of 2^steps - 1, at least of all groups; kGroup more may be read on either side.
  [[nodiscard]] const Value* cuts() const { return cuts_.data() + kMargin; }
  [[nodiscard]] int steps() const { return steps_; }
  /// The last cuts of the groups but the last as a search tree: children of i are 2 i and 2 i + 1, the root is 1. Each
  /// is float(cut - centre), which never turns the order of two values round, though it may make them equal.
  [[nodiscard]] const float* pivots() const { return pivots_; }
  /// All cuts, padded with +inf, as such a tree; where there are at most kTreeCuts.
  static constexpr std::size_t kTreeCuts = 63;
  [[nodiscard]] const Value* tree() const { return tree_; }
  [[nodiscard]] Value centre() const { return centre_; }

 private:
  static constexpr std::size_t kMargin = 16;  // a cache line of floats

  int steps_ = 0;
  Value centre_ = 0;
  AlignedBuffer<Value> cuts_;
  alignas(32) float pivots_[kGroups] = {};
  alignas(32) Value tree_[kTreeCuts + 1] = {};
};

/// The codes of `Together` values by a branchless search: a dependent load for each halving of the cuts, those of all
/// values at the same time.
template <std::size_t Together, class Value, class Code>
inline void search_cuts(const CutSearch<Value>& search, const Value* values, Code* codes) {
  const Value* const cuts = search.cuts();
  const Value* at[Together];  // all cuts before it are below the value
  for (const Value*& a : at) a = cuts;
  for (int step = search.steps() - 1; step >= 0; --step) {
    const std::size_t half = std::size_t{1} << step;
    // A product, not a choice: compilers turn a choice into a branch, wrong every other time.
    for (std::size_t k = 0; k < Together; ++k) at[k] += static_cast<std::size_t>(at[k][half - 1] < values[k]) * half;
  }
  for (std::size_t k = 0; k < Together; ++k) {
    const bool missing = values[k] != values[k];
    codes[k] = missing ? Code{0} : static_cast<Code>(at[k] - cuts + 1);
  }
}

template <class Value, class Code>
inline void search_all(const CutSearch<Value>& search, const Value* values, std::size_t n, Code* codes) {
  constexpr std::size_t kTogether = 16;
  std::size_t i = 0;
  for (; i + kTogether <= n; i += kTogether) search_cuts<kTogether>(search, values + i, codes + i);
  for (; i < n; ++i) search_cuts<1>(search, values + i, codes + i);
}

struct BinningTable {
  void (*encode_floats)(const CutSearch<float>& search, const float* values, std::size_t n, std::uint8_t* codes);
  void (*encode_doubles)(const CutSearch<double>& search, const double* values, std::size_t n, std::uint8_t* codes);
};

extern const BinningTable binning_table_baseline;
extern const BinningTable binning_table_v3;
extern const BinningTable binning_table_v4;
[[nodiscard]] const BinningTable& binning_table(InstructionSet set = instruction_set());

}  // namespace curvature::kernel
