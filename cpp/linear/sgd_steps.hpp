// Steps of an optimizer over batches of rows.
#pragma once

#include <memory>

#include "linear/sgd_parameters.hpp"
#include "linear/sgd_rows.hpp"
#include "linear/sgd_state.hpp"

namespace curvature {

/// Between two epochs all is in the state.
class BatchSteps {
 public:
  virtual ~BatchSteps() = default;
  virtual void begin_epoch() {}
  /// One step at the slope of the batch; false where a number is not finite.
  [[nodiscard]] virtual bool step(const kernel::RowList& batch, double rate) = 0;
  virtual void end_epoch() {}
  /// Sum of weight * loss of the rows since the last call, each at the weights before its step.
  [[nodiscard]] virtual double release_losses() = 0;
};

struct StepsSetting {
  const LinearProblem& problem;
  const SgdParams& params;
  const SgdRows& rows;
  std::size_t rows_per_step = 1;
  double slope_factor = 1;  // 1 / (rows a step * mean weight)
  bool sums_losses = false;
};

/// Steps that touch every weight (the other optimizers move weights without a slope too), or, for plain steps without
/// clipping and averaging on sparse rows, those of the batch's stored numbers alone: with the same results but for
/// rounding.
[[nodiscard]] std::unique_ptr<BatchSteps> make_steps(const StepsSetting& setting, SgdState& state);

}  // namespace curvature
