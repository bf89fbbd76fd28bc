// Cuts: the thresholds that turn a column's values into a few bins of about equal weight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "data/table.hpp"

namespace curvature {

/// A value that occurs, and the total weight of the rows it occurs in.
struct WeightedValue {
  double value;
  double weight;
};

/// A finite double t with a <= t < b, for a < b: their midpoint where that exists. Returns false where no finite
/// double separates them (-inf and the least double).
[[nodiscard]] bool cut_between(double a, double b, double& cut);

/// Cuts for `distinct` values in increasing order: one between each two where they fit `max_bins`; otherwise values
/// that weigh a bin or more close one, and the others are joined in order to bins of about equal weight.
[[nodiscard]] std::vector<double> quantile_cuts(const std::vector<WeightedValue>& distinct, std::int32_t max_bins);

/// The cuts of every column of a table. Immutable. A category has no cuts: its values are its codes.
/// Code of x: 0 where x is missing (NaN), else 1 + the number of cuts below x, all compared as doubles; so x <= cut k
/// (from 0) is exactly code <= k + 1.
class BinMapper {
 public:
  /// Up to kSampleRows rows of positive weight are all used; beyond, a fixed sample of that many, spread evenly.
  static constexpr std::size_t kSampleRows = 200'000;

  BinMapper(const Table& table, const double* weights, std::int32_t max_bins, int threads);
  /// `category_codes`: the codes that each feature has where it is a category, 0 where it is not.
  BinMapper(std::vector<std::vector<double>> cuts, std::vector<std::int32_t> category_codes)
      : cuts_(std::move(cuts)), category_codes_(std::move(category_codes)) {}

  [[nodiscard]] std::size_t n_features() const { return cuts_.size(); }
  [[nodiscard]] const std::vector<double>& cuts(std::size_t feature) const { return cuts_[feature]; }
  /// Codes a feature may have, missing included.
  [[nodiscard]] std::int32_t n_codes(std::size_t feature) const {
    if (is_category(feature)) return category_codes_[feature];
    return static_cast<std::int32_t>(cuts_[feature].size()) + 2;
  }
  [[nodiscard]] bool is_category(std::size_t feature) const { return category_codes_[feature] > 0; }

 private:
  std::vector<std::vector<double>> cuts_;
  std::vector<std::int32_t> category_codes_;
};

}  // namespace curvature
