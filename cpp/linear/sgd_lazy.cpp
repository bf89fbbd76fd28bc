#include "linear/sgd_lazy.hpp"

#include <algorithm>

namespace curvature {
namespace {

constexpr std::size_t kMostClocks = 8;
constexpr double kLeastScale = 1e-9;  // below it the clocks start anew, before rounding or underflow can tell
constexpr double kMostShrinkage = 0.5;
constexpr std::size_t kStretchRows = 512;

double decay_of(const StepsSetting& setting, std::size_t column) {
  return setting.problem.l2[column] + setting.params.weight_decay;
}

std::vector<double> distinct_decays(const StepsSetting& setting) {
  std::vector<double> found;
  for (std::size_t j = 0; j < setting.problem.l2.size() && found.size() <= kMostClocks; ++j) {
    const double decay = decay_of(setting, j);
    if (std::find(found.begin(), found.end(), decay) == found.end()) found.push_back(decay);
  }
  return found;
}

}  // namespace

bool LazySteps::can_do(const StepsSetting& setting) {
  const SgdParams& params = setting.params;
  const bool plain = params.optimizer == Optimizer::sgd && params.clip_value == 0 && params.clip_norm == 0;
  if (!plain || params.average || !setting.problem.design.is_sparse()) return false;
  const auto columns = static_cast<double>(setting.problem.design.n_columns());
  if (static_cast<double>(setting.rows_per_step) * setting.rows.mean_entries() > columns) return false;
  const std::vector<double> decays = distinct_decays(setting);
  return decays.size() <= kMostClocks && std::all_of(decays.begin(), decays.end(), [&](double decay) {
           return decay * params.learning_rate < kMostShrinkage;
         });
}

LazySteps::LazySteps(const StepsSetting& setting, SgdState& state)
    : setting_(setting),
      state_(state),
      stretch_(setting.problem, std::max(2 * setting.rows.chunk_rows(), kStretchRows), setting.sums_losses),
      slopes_(setting.rows_per_step * state.n_outputs),
      weights_(state.n_weights()) {
  for (const double decay : distinct_decays(setting)) clocks_.push_back({.l2 = decay});
  for (std::size_t j = 0; j < state.n_columns; ++j) {
    const auto found = std::find_if(clocks_.begin(), clocks_.end(),
                                    [&](const auto& clock) { return clock.l2 == decay_of(setting, j); });
    clock_of_.push_back(found - clocks_.begin());
  }
}

void LazySteps::begin_epoch() { take_weights(); }
void LazySteps::end_epoch() { write_back(); }

void LazySteps::take_weights() {
  for (kernel::LazyClock& clock : clocks_) clock = {.l2 = clock.l2};
  for (std::size_t k = 0; k < state_.n_outputs; ++k) {
    for (std::size_t j = 0; j < state_.n_columns; ++j) {
      const std::size_t place = k * state_.n_columns + j;
      weights_[place] = {state_.weights[place], 0, setting_.problem.l1[j], clock_of_[j]};
    }
  }
}

void LazySteps::write_back() {
  for (std::size_t j = 0; j < weights_.size(); ++j) {
    state_.weights[j] = kernel::caught_up(weights_[j], clocks_.data());
  }
}

bool LazySteps::step(const kernel::RowList& batch, double rate) {
  const std::size_t n_columns = state_.n_columns;
  const std::size_t chunk = setting_.rows.chunk_rows();
  double* intercepts = state_.weights.data() + state_.n_weights();
  // All slopes are those before the step, so the first pass only reads.
  for (std::size_t first = 0; first < batch.n; first += chunk) {
    const std::size_t n = std::min(chunk, batch.n - first);
    const kernel::RowList list = batch.part(first, first + n);
    stretch_.take(list, intercepts);
    for (std::size_t k = 0; k < state_.n_outputs; ++k) {
      setting_.rows.times(list, weights_.data() + k * n_columns, clocks_.data(), stretch_.scores(k));
    }
    if (!stretch_.compute_slopes(setting_.slope_factor)) return false;
    for (std::size_t k = 0; k < state_.n_outputs; ++k) {
      std::copy_n(stretch_.slopes(k), n, slopes_.data() + k * setting_.rows_per_step + first);
    }
  }
  bool small = false;
  for (kernel::LazyClock& clock : clocks_) {
    clock.advance(rate);
    small = small || clock.scale < kLeastScale;
  }
  for (std::size_t k = 0; k < state_.n_outputs; ++k) {
    const double* slopes = slopes_.data() + k * setting_.rows_per_step;
    setting_.rows.descend(batch, slopes, rate, weights_.data() + k * n_columns, clocks_.data());
    if (!setting_.problem.fit_intercept) continue;
    double sum = 0;
    for (std::size_t i = 0; i < batch.n; ++i) sum += slopes[i];
    intercepts[k] -= rate * sum;
  }
  if (small) {
    write_back();
    take_weights();
  }
  return true;
}

}  // namespace curvature
