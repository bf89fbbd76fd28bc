// Plain stochastic gradient steps on sparse rows at the cost of the rows' stored numbers.
#pragma once

#include <memory>

#include "linear/sgd_steps.hpp"

namespace curvature {

/// Whether plain steps on sparse rows are asked for, without clipping and averaging, and pay off.
[[nodiscard]] bool can_step_lazily(const StepsSetting& setting);

/// A weight waits with the steps that do not touch it. Where they only scale it, all of them by the same factor, the
/// factor is kept beside the weights; otherwise (an L1 penalty, or several L2 ones) each weight keeps what it has seen.
[[nodiscard]] std::unique_ptr<BatchSteps> make_lazy_steps(const StepsSetting& setting, SgdState& state);

}  // namespace curvature
