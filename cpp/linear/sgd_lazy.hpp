// Plain stochastic gradient steps on sparse rows at the cost of the rows' stored numbers.
#pragma once

#include <vector>

#include "linear/sgd_steps.hpp"

namespace curvature {

class LazySteps final : public BatchSteps {
 public:
  /// Whether plain steps on sparse rows are asked for, without clipping and averaging, and pay off.
  [[nodiscard]] static bool can_do(const StepsSetting& setting);
  LazySteps(const StepsSetting& setting, SgdState& state);

  void begin_epoch() override;
  bool step(const kernel::RowList& batch, double rate) override;
  void end_epoch() override;
  double release_losses() override { return stretch_.release_losses(); }

 private:
  void take_weights();
  void write_back();

  const StepsSetting setting_;
  SgdState& state_;
  RowStretch stretch_;
  std::vector<double> slopes_;  // of the batch, chunk after chunk, output after output
  std::vector<kernel::LazyClock> clocks_;
  std::vector<std::int64_t> clock_of_;  // column
  std::vector<kernel::LazyWeight> weights_;
};

}  // namespace curvature
