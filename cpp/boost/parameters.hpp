// What shapes a boosted sum of trees, beyond each tree.
#pragma once

#include <cstdint>
#include <tuple>

#include "base/parameters.hpp"
#include "tree/parameters.hpp"

namespace curvature {

struct BoostParams {
  std::int32_t n_estimators = 300;
  double learning_rate = 0.08;
  std::int32_t max_bins = 255;
  TreeParams tree;
  std::uint64_t seed = 0;
  int n_jobs = -1;  // how many threads run; does not shape the model

  static constexpr auto fields() {
    return std::tuple{
        Field{"n_estimators", &BoostParams::n_estimators, between(1, 1 << 24), "trees, one a round"},
        Field{"learning_rate", &BoostParams::learning_rate, more_than(0), "factor on every leaf value"},
        Field{"max_bins", &BoostParams::max_bins, between(2, 65535), "bins a column's values are put into"}};
  }
};

}  // namespace curvature
