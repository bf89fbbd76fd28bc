#include "linear/sgd_lazy.hpp"

#include <algorithm>
#include <vector>

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

// Steps that touch the weights of a batch's stored numbers alone.
class SparseSteps : public BatchSteps {
 public:
  SparseSteps(const StepsSetting& setting, SgdState& state)
      : setting_(setting),
        state_(state),
        stretch_(setting.problem, std::max(2 * setting.rows.chunk_rows(), kStretchRows), setting.sums_losses),
        slopes_(setting.rows_per_step * state.n_outputs) {}

  void begin_epoch() override { take_weights(); }
  void end_epoch() override { write_back(); }
  double release_losses() override { return stretch_.release_losses(); }

  bool step(const kernel::RowList& batch, double rate) override {
    if (!find_slopes(batch)) return false;
    const bool begins_anew = advance(rate);
    double* intercepts = state_.weights.data() + state_.n_weights();
    for (std::size_t k = 0; k < state_.n_outputs; ++k) {
      double* slopes = slopes_.data() + k * setting_.rows_per_step;
      if (setting_.problem.fit_intercept) {
        double sum = 0;
        for (std::size_t i = 0; i < batch.n; ++i) sum += slopes[i];
        intercepts[k] -= rate * sum;
      }
      descend(batch, k, slopes, rate);
    }
    if (begins_anew) {
      write_back();
      take_weights();
    }
    return true;
  }

 protected:
  // All slopes are those before the step, so this only reads.
  bool find_slopes(const kernel::RowList& batch) {
    const std::size_t chunk = setting_.rows.chunk_rows();
    const double* intercepts = state_.weights.data() + state_.n_weights();
    for (std::size_t first = 0; first < batch.n; first += chunk) {
      const std::size_t n = std::min(chunk, batch.n - first);
      const kernel::RowList list = batch.part(first, first + n);
      stretch_.take(list, intercepts);
      for (std::size_t k = 0; k < state_.n_outputs; ++k) add_scores(list, k, stretch_.scores(k));
      if (!stretch_.compute_slopes(setting_.slope_factor)) return false;
      for (std::size_t k = 0; k < state_.n_outputs; ++k) {
        std::copy_n(stretch_.slopes(k), n, slopes_.data() + k * setting_.rows_per_step + first);
      }
    }
    return true;
  }

  virtual void take_weights() = 0;  // from the state
  virtual void write_back() = 0;    // to the state
  // f += x . w of output k.
  virtual void add_scores(const kernel::RowList& list, std::size_t k, double* f) = 0;
  // What the penalty does in a step. True where numbers have become so small that weights must be written back.
  virtual bool advance(double rate) = 0;
  // The slopes are its own afterwards.
  virtual void descend(const kernel::RowList& batch, std::size_t k, double* slopes, double rate) = 0;

  const StepsSetting setting_;
  SgdState& state_;

 private:
  RowStretch stretch_;
  std::vector<double> slopes_;  // of the batch, output after output
};

// All weights shrink by the same factor: the state holds them over the product of all factors.
class ScaledSteps final : public SparseSteps {
 public:
  [[nodiscard]] static bool can_do(const StepsSetting& setting) {
    const std::vector<double>& l1 = setting.problem.l1;
    return std::all_of(l1.begin(), l1.end(), [](double v) { return v == 0; }) && distinct_decays(setting).size() == 1;
  }
  ScaledSteps(const StepsSetting& setting, SgdState& state)
      : SparseSteps(setting, state), products_(setting.rows.chunk_rows()) {}

 private:
  void take_weights() override { clock_ = {.l2 = decay_of(setting_, 0)}; }

  void write_back() override {
    for (std::size_t j = 0; j < state_.n_weights(); ++j) state_.weights[j] *= clock_.scale;
  }

  void add_scores(const kernel::RowList& list, std::size_t k, double* f) override {
    std::fill_n(products_.begin(), list.n, 0.0);
    setting_.rows.times(list, state_.weights.data() + k * state_.n_columns, products_.data());
    for (std::size_t i = 0; i < list.n; ++i) f[i] += clock_.scale * products_[i];
  }

  bool advance(double rate) override {
    clock_.advance(rate);
    return clock_.scale < kLeastScale;
  }

  void descend(const kernel::RowList& batch, std::size_t k, double* slopes, double rate) override {
    for (std::size_t i = 0; i < batch.n; ++i) slopes[i] *= -rate * clock_.unit;
    setting_.rows.transpose_times(batch, slopes, state_.weights.data() + k * state_.n_columns);
  }

  kernel::LazyClock clock_;
  std::vector<double> products_;
};

// Each weight has a clock, that of its L2 penalty, and knows up to when it has seen it.
class ClockedSteps final : public SparseSteps {
 public:
  ClockedSteps(const StepsSetting& setting, SgdState& state)
      : SparseSteps(setting, state), weights_(state.n_weights()) {
    for (const double decay : distinct_decays(setting)) clocks_.push_back({.l2 = decay});
    for (std::size_t j = 0; j < state.n_columns; ++j) {
      const auto found = std::find_if(clocks_.begin(), clocks_.end(),
                                      [&](const auto& clock) { return clock.l2 == decay_of(setting, j); });
      clock_of_.push_back(found - clocks_.begin());
    }
  }

 private:
  void take_weights() override {
    for (kernel::LazyClock& clock : clocks_) clock = {.l2 = clock.l2};
    for (std::size_t k = 0; k < state_.n_outputs; ++k) {
      for (std::size_t j = 0; j < state_.n_columns; ++j) {
        const std::size_t place = k * state_.n_columns + j;
        weights_[place] = {state_.weights[place], 0, setting_.problem.l1[j], clock_of_[j]};
      }
    }
  }

  void write_back() override {
    for (std::size_t j = 0; j < weights_.size(); ++j) {
      state_.weights[j] = kernel::caught_up(weights_[j], clocks_.data());
    }
  }

  void add_scores(const kernel::RowList& list, std::size_t k, double* f) override {
    setting_.rows.times(list, weights_.data() + k * state_.n_columns, clocks_.data(), f);
  }

  bool advance(double rate) override {
    bool small = false;
    for (kernel::LazyClock& clock : clocks_) {
      clock.advance(rate);
      small = small || clock.scale < kLeastScale;
    }
    return small;
  }

  void descend(const kernel::RowList& batch, std::size_t k, double* slopes, double rate) override {
    setting_.rows.descend(batch, slopes, rate, weights_.data() + k * state_.n_columns, clocks_.data());
  }

  std::vector<kernel::LazyClock> clocks_;
  std::vector<std::int64_t> clock_of_;  // column
  std::vector<kernel::LazyWeight> weights_;
};

}  // namespace

bool can_step_lazily(const StepsSetting& setting) {
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

std::unique_ptr<BatchSteps> make_lazy_steps(const StepsSetting& setting, SgdState& state) {
  if (ScaledSteps::can_do(setting)) return std::make_unique<ScaledSteps>(setting, state);
  return std::make_unique<ClockedSteps>(setting, state);
}

}  // namespace curvature
