// Which step belongs to which optimizer, and the numbers that it reads.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernel/weight_steps.hpp"
#include "linear/sgd_parameters.hpp"

namespace curvature {

/// Nesterov's steps are those of momentum at slopes taken ahead.
[[nodiscard]] inline const kernel::WeightSteps& weight_steps(Optimizer optimizer) {
  const kernel::WeightStepTable& table = kernel::weight_step_table();
  switch (optimizer) {
    case Optimizer::momentum:
    case Optimizer::nag:
      return table.momentum;
    case Optimizer::adagrad:
      return table.adagrad;
    case Optimizer::adadelta:
      return table.adadelta;
    case Optimizer::rmsprop:
      return table.rmsprop;
    case Optimizer::adam:
      return table.adam;
    case Optimizer::nadam:
      return table.nadam;
    case Optimizer::adamw:
      return table.adamw;
    case Optimizer::sgd:
      break;
  }
  return table.plain;
}

/// 1 - decay^t, without the power where it cannot change a 1 any more: decay^t < e^(-t (1 - decay)).
[[nodiscard]] inline double share_after(double decay, std::int64_t t) {
  constexpr double kPastRounding = 40;  // e^-40 < 2^-54
  const auto steps = static_cast<double>(t);
  return steps * (1 - decay) > kPastRounding ? 1.0 : 1 - std::pow(decay, steps);
}

/// Those of step t = 1, 2, … at rate eta.
[[nodiscard]] inline kernel::StepNumbers step_numbers(const SgdParams& params, std::int64_t t, double eta) {
  kernel::StepNumbers numbers;
  numbers.eta = eta;
  numbers.mu = numbers.b1 = params.momentum;
  numbers.b2 = params.second_momentum;
  numbers.rho = params.rho;
  numbers.epsilon = params.epsilon;
  const bool corrected = params.optimizer == Optimizer::adam || params.optimizer == Optimizer::nadam ||
                         params.optimizer == Optimizer::adamw;
  if (!corrected) return numbers;
  numbers.first_share = share_after(numbers.b1, t);
  numbers.second_share = share_after(numbers.b2, t);
  if (params.optimizer == Optimizer::nadam) numbers.next_share = share_after(numbers.b1, t + 1);
  return numbers;
}

}  // namespace curvature
