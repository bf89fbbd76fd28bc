// What shapes one tree.
#pragma once

#include <cstdint>
#include <tuple>

#include "base/parameters.hpp"

namespace curvature {

enum class GrowPolicy { lossguide, depthwise };

struct TreeParams {
  std::int32_t max_leaves = 16;
  std::int32_t max_depth = 0;
  double min_child_samples = 20;
  double min_child_weight = 1e-3;
  double min_split_gain = 0;
  double reg_lambda = 3;
  double reg_alpha = 0;
  double colsample_bynode = 0.5;
  double structure_sample = 1;
  GrowPolicy grow_policy = GrowPolicy::lossguide;  // a name, not a number: read and checked by the caller

  static constexpr auto fields() {
    return std::tuple{
        Field{"max_leaves", &TreeParams::max_leaves, between(2, 1 << 20).or_none(), "leaves a tree may have"},
        Field{"max_depth", &TreeParams::max_depth, between(1, 1 << 20).or_none(),
              "splits on the way from the root to a leaf"},
        Field{"min_child_samples", &TreeParams::min_child_samples, at_least(0), "least total weight of a leaf's rows"},
        Field{"min_child_weight", &TreeParams::min_child_weight, at_least(0), "least sum of Hessians in a leaf"},
        Field{"min_split_gain", &TreeParams::min_split_gain, at_least(0), "least fall of the objective for a split"},
        Field{"reg_lambda", &TreeParams::reg_lambda, at_least(0), "L2 penalty on leaf values"},
        Field{"reg_alpha", &TreeParams::reg_alpha, at_least(0), "L1 penalty on leaf values"},
        Field{"colsample_bynode", &TreeParams::colsample_bynode, more_than_up_to(0, 1),
              "share of the columns tried at each node"},
        Field{"structure_sample", &TreeParams::structure_sample, more_than_up_to(0, 1),
              "share of the rows on which a tree's splits are found"}};
  }

  /// The limits and penalties on sums of all rows, as they are for those of the sample.
  [[nodiscard]] TreeParams of_sample() const {
    TreeParams own = *this;
    for (double* limit :
         {&own.min_child_samples, &own.min_child_weight, &own.min_split_gain, &own.reg_lambda, &own.reg_alpha}) {
      *limit *= structure_sample;
    }
    return own;
  }
};

}  // namespace curvature
