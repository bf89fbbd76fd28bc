// Steps of first-order optimizers over all weights at once.
#pragma once

#include <cstddef>

#include "base/instruction_set.hpp"

namespace curvature::kernel {

/// What the steps of one moment share; each optimizer reads its own.
struct StepNumbers {
  double eta = 0;           // the rate
  double mu = 0;            // share of the last move that goes on
  double rho = 0;           // decay of the mean squares
  double b1 = 0;            // decay of the mean slope
  double b2 = 0;            // decay of the mean squared slope
  double epsilon = 0;       // keeps divisors from 0
  double first_share = 1;   // 1 - b1^t in step t = 1, 2, …
  double second_share = 1;  // 1 - b2^t
  double next_share = 1;    // 1 - b1^(t + 1)
};

/// All that a step of all weights reads and writes, arrays of n; `first` and `second` where the optimizer remembers.
struct StepArrays {
  std::size_t n = 0;
  double* weights = nullptr;
  const double* at = nullptr;  // where the slopes were taken: the weights, or (nag) ahead of them
  double* slopes = nullptr;    // of the loss; 0 afterwards
  double* first = nullptr;
  double* second = nullptr;
  const double* l2 = nullptr;     // slope of the penalty and of the weight decay per weight
  const double* l1 = nullptr;     // null: none
  const double* decay = nullptr;  // the decay beside the step (adamw)
};

/// A step of all weights: at the slopes of the loss and of the penalty's L2 part, then its L1 part by shrinking, which
/// is exact where a plain step is exact (a proximal step).
struct WeightSteps {
  void (*all)(const StepNumbers& numbers, const StepArrays& arrays);
  int n_states;  // how many numbers a weight are remembered
};

struct WeightStepTable {
  WeightSteps plain, momentum, adagrad, adadelta, rmsprop, adam, nadam, adamw;
};

extern const WeightStepTable weight_step_table_baseline;
extern const WeightStepTable weight_step_table_v3;
extern const WeightStepTable weight_step_table_v4;
[[nodiscard]] const WeightStepTable& weight_step_table(InstructionSet set = instruction_set());

}  // namespace curvature::kernel
