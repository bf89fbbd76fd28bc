#include "linear/sgd_steps.hpp"

#include <algorithm>
#include <cmath>

#include "base/threads.hpp"
#include "linear/optimizers.hpp"
#include "linear/sgd_lazy.hpp"

namespace curvature {
namespace {

constexpr double kLeastEntries = 1 << 16;  // of a batch that a thread is worth
constexpr std::size_t kMostParts = 16;
constexpr std::size_t kStretchRows = 512;

// A number a weight: that of its column, 0 for the intercepts. Empty where all are 0.
std::vector<double> spread(const LinearProblem& problem, const std::vector<double>& of_columns) {
  if (std::all_of(of_columns.begin(), of_columns.end(), [](double v) { return v == 0; })) return {};
  std::vector<double> all;
  for (std::size_t k = 0; k < problem.n_outputs(); ++k) all.insert(all.end(), of_columns.begin(), of_columns.end());
  all.resize(all.size() + problem.n_outputs(), 0.0);
  return all;
}

class EagerSteps final : public BatchSteps {
 public:
  EagerSteps(const StepsSetting& setting, SgdState& state)
      : problem_(setting.problem),
        params_(setting.params),
        rows_(setting.rows),
        optimizer_(weight_steps(params_.optimizer)),
        factor_(setting.slope_factor),
        chunk_(setting.rows.chunk_rows()),
        state_(state),
        slopes_(state.weights.size()) {
    const std::size_t n = n_parts(setting.rows_per_step);
    partial_slopes_.resize(n > 1 ? n : 0, std::vector<double>(state.weights.size()));
    finite_.resize(n);
    for (std::size_t part = 0; part < n; ++part) {
      stretches_.emplace_back(problem_, std::max(2 * chunk_, kStretchRows), setting.sums_losses);
    }
    const bool apart = params_.optimizer == Optimizer::adamw;
    std::vector<double> l2 = problem_.l2;
    for (double& of_column : l2) of_column += apart ? 0.0 : params_.weight_decay;
    l1_ = spread(problem_, problem_.l1);
    l2_ = spread(problem_, l2);
    l2_.resize(state.weights.size(), 0.0);
    decay_.assign(apart ? state.weights.size() : 0, 0.0);
    std::fill_n(decay_.begin(), apart ? state.n_weights() : 0, params_.weight_decay);
    if (optimizer_.n_states > 0) state_.first.resize(state_.weights.size(), 0.0);
    if (optimizer_.n_states > 1) state_.second.resize(state_.weights.size(), 0.0);
    if (params_.optimizer == Optimizer::nag) ahead_.resize(state_.weights.size());
  }

  void begin_epoch() override { std::fill(slopes_.begin(), slopes_.end(), 0.0); }

  bool step(const kernel::RowList& batch, double rate) override {
    const double* at = look_ahead();
    if (!add_slopes(batch, at)) return false;
    clip();
    kernel::StepArrays arrays;
    arrays.n = problem_.fit_intercept ? state_.weights.size() : state_.n_weights();
    arrays.weights = state_.weights.data();
    arrays.at = at;
    arrays.slopes = slopes_.data();
    arrays.first = state_.first.data();
    arrays.second = state_.second.data();
    arrays.l2 = l2_.data();
    arrays.l1 = l1_.empty() ? nullptr : l1_.data();
    arrays.decay = decay_.data();
    optimizer_.all(step_numbers(params_, state_.steps + 1, rate), arrays);
    if (params_.average && state_.epochs > 0) average();
    return true;
  }

  double release_losses() override {
    double total = 0;
    for (RowStretch& stretch : stretches_) total += stretch.release_losses();
    return total;
  }

 private:
  // Threads share a batch in parts that depend on sizes alone. A part's slopes cost memory, so it must be worth it.
  [[nodiscard]] std::size_t n_parts(std::size_t n_rows) const {
    const double work = static_cast<double>(n_rows) * rows_.mean_entries();
    const auto columns = static_cast<double>(problem_.design.n_columns());
    const double parts = std::min(work * static_cast<double>(problem_.n_outputs()) / kLeastEntries, work / 4 / columns);
    return std::clamp(static_cast<std::size_t>(parts), std::size_t{1}, kMostParts);
  }

  // Where the slopes are taken.
  const double* look_ahead() {
    if (ahead_.empty()) return state_.weights.data();
    for (std::size_t j = 0; j < ahead_.size(); ++j) {
      ahead_[j] = state_.weights[j] + params_.momentum * state_.first[j];
    }
    return ahead_.data();
  }

  bool add_slopes(const kernel::RowList& batch, const double* at) {
    const std::size_t n = std::min(n_parts(batch.n), stretches_.size());
    if (n == 1) return add_slopes(batch, at, stretches_[0], slopes_.data());
    const std::size_t part_rows = (batch.n + n - 1) / n;
    parallel_for(n, problem_.threads, [&](std::size_t part, int) {
      const std::size_t begin = std::min(batch.n, part * part_rows);
      const std::size_t end = std::min(batch.n, begin + part_rows);
      const kernel::RowList own = batch.part(begin, end);
      std::fill(partial_slopes_[part].begin(), partial_slopes_[part].end(), 0.0);
      finite_[part] = add_slopes(own, at, stretches_[part], partial_slopes_[part].data());
    });
    for (std::size_t part = 0; part < n; ++part) {
      if (!finite_[part]) return false;
      for (std::size_t j = 0; j < slopes_.size(); ++j) slopes_[j] += partial_slopes_[part][j];
    }
    return true;
  }

  bool add_slopes(const kernel::RowList& rows, const double* at, RowStretch& stretch, double* slopes) const {
    const std::size_t n_columns = problem_.design.n_columns();
    const std::size_t n_outputs = problem_.n_outputs();
    const double* intercepts = at + n_outputs * n_columns;
    double* intercept_slopes = slopes + n_outputs * n_columns;
    for (std::size_t first = 0; first < rows.n; first += chunk_) {
      const std::size_t n = std::min(chunk_, rows.n - first);
      const kernel::RowList list = rows.part(first, first + n);
      stretch.take(list, intercepts);
      for (std::size_t k = 0; k < n_outputs; ++k) rows_.times(list, at + k * n_columns, stretch.scores(k));
      if (!stretch.compute_slopes(factor_)) return false;
      for (std::size_t k = 0; k < n_outputs; ++k) {
        const double* of_rows = stretch.slopes(k);
        rows_.transpose_times(list, of_rows, slopes + k * n_columns);
        for (std::size_t i = 0; i < n; ++i) intercept_slopes[k] += of_rows[i];
      }
    }
    return true;
  }

  // By value first, then by the norm over all outputs and intercepts.
  void clip() {
    if (!problem_.fit_intercept) {
      std::fill(slopes_.begin() + static_cast<std::ptrdiff_t>(state_.n_weights()), slopes_.end(), 0.0);
    }
    if (params_.clip_value > 0) {
      for (double& slope : slopes_) slope = std::clamp(slope, -params_.clip_value, params_.clip_value);
    }
    if (params_.clip_norm > 0) {
      double squares = 0;
      for (const double slope : slopes_) squares += slope * slope;
      const double norm = std::sqrt(squares);
      if (norm > params_.clip_norm) {
        for (double& slope : slopes_) slope *= params_.clip_norm / norm;
      }
    }
  }

  void average() {
    state_.average.resize(state_.weights.size(), 0.0);
    const double share = 1.0 / static_cast<double>(++state_.averaged);
    for (std::size_t j = 0; j < state_.weights.size(); ++j) {
      state_.average[j] += share * (state_.weights[j] - state_.average[j]);
    }
  }

  const LinearProblem& problem_;
  const SgdParams& params_;
  const SgdRows& rows_;
  const kernel::WeightSteps& optimizer_;
  double factor_;
  std::size_t chunk_;
  SgdState& state_;
  std::vector<double> slopes_, ahead_, l1_, l2_, decay_;
  std::vector<std::vector<double>> partial_slopes_;
  std::vector<std::uint8_t> finite_;
  std::vector<RowStretch> stretches_;
};

}  // namespace

std::unique_ptr<BatchSteps> make_steps(const StepsSetting& setting, SgdState& state) {
  if (can_step_lazily(setting)) return make_lazy_steps(setting, state);
  return std::make_unique<EagerSteps>(setting, state);
}

}  // namespace curvature
