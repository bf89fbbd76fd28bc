#include "kernel/binning.hpp"

#include <algorithm>
#include <limits>
#include <type_traits>

namespace curvature::kernel {
namespace {

template <class Value>
Value rounded_down(double cut) {
  const auto nearest = static_cast<Value>(cut);
  if (static_cast<double>(nearest) <= cut) return nearest;
  // The next value toward -inf, by its bits; the nearest of a finite double is never NaN.
  using Bits = std::conditional_t<sizeof(Value) == 4, std::uint32_t, std::uint64_t>;
  if (nearest == 0) return -std::numeric_limits<Value>::denorm_min();
  const auto bits = std::bit_cast<Bits>(nearest);
  return std::bit_cast<Value>(nearest > 0 ? bits - 1 : bits + 1);
}

// The place in sorted order of node i of a search tree of n - 1 nodes: the k-th of a level of so many nodes, it halves
// the places [k, k + 1) * n / nodes.
std::size_t sorted_place(std::size_t i, std::size_t n) {
  const std::size_t nodes = std::bit_floor(i);
  return (2 * (i - nodes) + 1) * n / (2 * nodes) - 1;
}

}  // namespace

template <class Value>
CutSearch<Value>::CutSearch(const std::vector<double>& cuts)
    : steps_(static_cast<int>(std::bit_width(cuts.size()))),
      cuts_(std::max(std::size_t{1} << steps_, kGroup * kGroups) + 2 * kMargin,
            std::numeric_limits<Value>::infinity()) {
  Value* const own = cuts_.data() + kMargin;
  std::transform(cuts.begin(), cuts.end(), own, rounded_down<Value>);
  if constexpr (std::is_same_v<Value, double>) {
    if (!cuts.empty()) centre_ = own[cuts.size() / 2];
  }
  for (std::size_t i = 1; i < kGroups; ++i) {
    pivots_[i] = static_cast<float>(own[kGroup * sorted_place(i, kGroups) + kGroup - 1] - centre_);
  }
  for (std::size_t i = 1; i <= kTreeCuts; ++i) tree_[i] = own[sorted_place(i, kTreeCuts + 1)];
}

template <class Value>
void CutSearch<Value>::encode(const Value* values, std::size_t n, std::uint8_t* codes, InstructionSet set) const {
  if constexpr (std::is_same_v<Value, float>) {
    binning_table(set).encode_floats(*this, values, n, codes);
  } else {
    binning_table(set).encode_doubles(*this, values, n, codes);
  }
}

template <class Value>
void CutSearch<Value>::encode(const Value* values, std::size_t n, std::uint16_t* codes) const {
  search_all(*this, values, n, codes);
}

template class CutSearch<float>;
template class CutSearch<double>;

const BinningTable& binning_table(InstructionSet set) {
  static const PerInstructionSet<BinningTable> tables{
      binning_table_baseline,
#ifdef CURVATURE_HAS_X86_LEVELS
      binning_table_v3,
      binning_table_v4,
#endif
  };
  return tables.of(set);
}

}  // namespace curvature::kernel
