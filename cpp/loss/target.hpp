// What a target must be before it is fitted.
#pragma once

#include "loss/loss.hpp"

namespace curvature {

/// Throws InputError for the first y outside the loss's domain, the first bad weight, and for totals out of range; and
/// for a loss that is a measure only.
void check_target(const LossTable& target, const LossInfo& loss);

}  // namespace curvature
