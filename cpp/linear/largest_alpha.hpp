// Where a path of L1 penalties begins.
#pragma once

#include "linear/objective.hpp"

namespace curvature {

/// The least alpha at which all penalised weights are 0, where l1_j = alpha l1_ratio c_j. The objective's penalties are
/// those of alpha = 1, so that c_j = l1_j + l2_j. Infinite for l1_ratio = 0 unless the gradient is 0. The intercepts
/// and the weights without penalty are fitted first.
[[nodiscard]] double largest_alpha(const Objective& objective, double l1_ratio);

}  // namespace curvature
