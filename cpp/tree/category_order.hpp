// The levels of a category at a node, in the order in which cuts between them are looked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernel/histogram.hpp"

namespace curvature {

/// What a node's rows sum to, in quantized units, and what they weigh.
struct NodeTotal {
  Cell sum = 0;
  double weight = 0;
};

/// What keeps splits of categories from fitting noise. Not parameters of the user: chosen on held-out data.
struct CategoryRules {
  /// Rows of the node's mean that a level's mean is mixed with before levels are ordered.
  double smoothing_rows = 10;
  /// Levels lighter than this at a node move together, as one.
  double least_weight = 10;
  /// Where a category has m > few_levels levels at a node, the score of its cut is lowered by this share of what the
  /// means of m levels spread by chance: m - 1 times the variance of a gradient over its Hessian. Of pure noise, the
  /// best cut takes up to 2 / pi of that.
  double optimism = 0.5;
  /// Up to this many levels every cut is one level, or two, against the rest.
  std::int32_t few_levels = 4;
};
inline constexpr CategoryRules kCategoryRules;

/// Codes with a cell at the node (that of missing among them), by rising mean gradient -> falling prediction: a cut
/// after position k sends the codes of positions 1..k left. By a theorem of Fisher's the best of all sets is among
/// these cuts where the order is by the means themselves. A position holds one code, or all the light ones together.
class CategoryOrder {
 public:
  /// `cells`: the slot's cell of code 0, the others `kWordSlots` apart.
  CategoryOrder(const Cell* cells, std::int32_t n_codes, NodeTotal node);

  [[nodiscard]] std::int32_t n_positions() const { return static_cast<std::int32_t>(ends_.size()) - 1; }
  [[nodiscard]] const std::int32_t* begin(std::int32_t position) const {
    return codes_.data() + ends_[static_cast<std::size_t>(position - 1)];
  }
  [[nodiscard]] const std::int32_t* end(std::int32_t position) const {
    return codes_.data() + ends_[static_cast<std::size_t>(position)];
  }
  [[nodiscard]] Cell sum(std::int32_t position) const { return sums_[static_cast<std::size_t>(position - 1)]; }

 private:
  std::vector<std::int32_t> codes_;
  std::vector<std::size_t> ends_{0};
  std::vector<Cell> sums_;
};

}  // namespace curvature
