#include "linear/sgd.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/random.hpp"
#include "base/threads.hpp"
#include "linear/objective.hpp"
#include "linear/row_order.hpp"
#include "linear/schedules.hpp"
#include "linear/sgd_steps.hpp"

namespace curvature {
namespace {

constexpr int kMostHalvings = 60;
constexpr std::size_t kRowsBetweenSignals = 1 << 14;
constexpr std::uint64_t kHoldOutStream = 0;
constexpr std::uint64_t kShuffleStream = 1;

double weight_of(const LinearProblem& problem, const std::vector<RowIndex>& rows) {
  double total = 0;
  for (const RowIndex row : rows) total += problem.weight(row);
  return total;
}

double penalty(const LinearProblem& problem, const std::vector<double>& weights) {
  const std::size_t n_columns = problem.design.n_columns();
  double total = 0;
  for (std::size_t j = 0; j < problem.n_outputs() * n_columns; ++j) {
    const std::size_t column = j % n_columns;
    total += problem.l1[column] * std::abs(weights[j]) + problem.l2[column] / 2 * (weights[j] * weights[j]);
  }
  return total;
}

bool all_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

// The rows to learn from, and those held out.
struct SplitRows {
  std::vector<RowIndex> training;
  std::vector<RowIndex> held_out;
};

SplitRows split(std::size_t n_rows, const SgdParams& params, std::uint64_t seed) {
  SplitRows rows;
  rows.training.resize(n_rows);
  std::iota(rows.training.begin(), rows.training.end(), RowIndex{0});
  if (!params.early_stopping) return rows;
  if (n_rows < 2) throw InputError(sentence("early_stopping=True needs at least 2 rows, got ", n_rows, "."));
  std::vector<RowIndex> drawn = rows.training;
  shuffle(drawn.data(), n_rows, child_key(seed, kHoldOutStream));
  const auto wanted = static_cast<std::size_t>(std::llround(params.validation_fraction * static_cast<double>(n_rows)));
  const auto end = drawn.begin() + static_cast<std::ptrdiff_t>(std::clamp(wanted, std::size_t{1}, n_rows - 1));
  std::sort(drawn.begin(), end);
  std::sort(end, drawn.end());
  rows.held_out.assign(drawn.begin(), end);
  rows.training.assign(end, drawn.end());
  return rows;
}

void check(const LinearProblem& problem, const SgdState& state) {
  if (problem.is_bounded()) {
    throw InputError("solver='sgd' cannot keep coefficients within bounds; solver='cd' can.");
  }
  if (!problem.loss.info().has_values) {
    throw InputError(sentence("loss='", problem.loss.info().name,
                              "' knows all rows at once only, which solver='sgd' does not have; solver='lbfgs' does."));
  }
  if (problem.design.n_rows() > std::numeric_limits<RowIndex>::max()) {
    throw InputError(sentence("X has ", problem.design.n_rows(), " rows; solver='sgd' takes at most ",
                              std::numeric_limits<RowIndex>::max(), "."));
  }
  if (state.n_columns != problem.design.n_columns()) {
    throw InputError(
        sentence("X has ", problem.design.n_columns(), " columns, but the fit goes on from ", state.n_columns, "."));
  }
  if (state.n_outputs != problem.n_outputs()) {
    throw InputError(sentence("loss='", problem.loss.info().name, "' has ", problem.n_outputs(),
                              " outputs, but the fit goes on from ", state.n_outputs, "."));
  }
}

// Epochs over the rows of one call.
class Epochs {
 public:
  Epochs(const LinearProblem& problem, const SgdParams& params, const LinearParams& linear, bool sums_losses,
         SgdState& state)
      : problem_(problem),
        params_(params),
        linear_(linear),
        state_(state),
        split_(split(problem.design.n_rows(), params, linear.seed)),
        training_weight_(weight_of(problem, split_.training)),
        held_out_weight_(weight_of(problem, split_.held_out)),
        sums_losses_(sums_losses),
        rows_(problem),
        order_(split_.training, rows_.mean_entries()) {
    const std::size_t n_rows = order_.size();
    const std::size_t batch = params.batch_size > 0 ? static_cast<std::size_t>(params.batch_size) : n_rows;
    rows_per_step_ = std::min(n_rows, batch * static_cast<std::size_t>(params.accumulate));
    if (!(training_weight_ > 0)) throw InputError("sample_weight is 0 in all rows to learn from.");
    if (params.early_stopping && !(held_out_weight_ > 0)) {
      throw InputError("sample_weight is 0 in all rows held out by early_stopping=True.");
    }
    const double mean_weight = training_weight_ / static_cast<double>(n_rows);
    const double slope_factor = 1 / (static_cast<double>(rows_per_step_) * mean_weight);
    steps_ = make_steps({problem_, params_, rows_, rows_per_step_, slope_factor, sums_losses}, state_);
    start_ = state_;
  }

  /// Runs one. Where numbers are not finite, halves the rate and begins at the start of the call: at that of the epoch
  /// the weights may already be as large as numbers can be.
  void run() {
    while (!try_to_run()) {
      const double factor = state_.rate_factor / 2;
      (void)steps_->release_losses();
      state_ = start_;
      state_.rate_factor = factor;
      if (++halvings_ > kMostHalvings) {
        throw InputError(sentence("learning_rate=", params_.learning_rate, " is too high for these data: after ",
                                  kMostHalvings, " halvings the scores are still not finite; scale the columns of X."));
      }
    }
    ++state_.epochs;
  }

  /// The hold-out's mean loss, or the mean objective over the last epoch.
  [[nodiscard]] double value() const {
    if (!params_.early_stopping) return epoch_value_;
    return sum_of_losses(problem_, rows_, split_.held_out, state_.now()) / held_out_weight_;
  }

 private:
  bool try_to_run() {
    const std::size_t n_rows = order_.size();
    if (params_.shuffle && rows_per_step_ < n_rows) {
      const std::uint64_t stream = child_key(linear_.seed, kShuffleStream);
      order_.shuffle(child_key(stream, static_cast<std::uint64_t>(state_.epochs)));
    }
    steps_->begin_epoch();
    const double lowered = state_.rate_factor * state_.plateau_factor;
    std::size_t rows_since_signals = 0;
    for (std::size_t first = 0; first < n_rows; first += rows_per_step_) {
      const std::size_t n = std::min(rows_per_step_, n_rows - first);
      const double done = static_cast<double>(state_.epochs) + static_cast<double>(first) / static_cast<double>(n_rows);
      const double rate = lowered * rate_at(params_, state_.steps, done / linear_.max_iter);
      if (!steps_->step(order_.list(first, n), rate)) return false;
      ++state_.steps;
      rows_since_signals += n;
      if (rows_since_signals >= kRowsBetweenSignals) {
        rows_since_signals = 0;
        if (problem_.look_for_signals) problem_.look_for_signals();
      }
    }
    steps_->end_epoch();
    if (!all_finite(state_.weights)) return false;
    if (sums_losses_) epoch_value_ = steps_->release_losses() / training_weight_ + penalty(problem_, state_.weights);
    return !sums_losses_ || std::isfinite(epoch_value_);
  }

  const LinearProblem& problem_;
  const SgdParams& params_;
  const LinearParams& linear_;
  SgdState& state_;
  SgdState start_;
  SplitRows split_;
  double training_weight_;
  double held_out_weight_;
  bool sums_losses_;
  SgdRows rows_;
  RowOrder order_;
  std::size_t rows_per_step_ = 1;
  std::unique_ptr<BatchSteps> steps_;
  double epoch_value_ = std::numeric_limits<double>::quiet_NaN();
  int halvings_ = 0;
};

}  // namespace

SgdFit::SgdFit(const SgdParams& params, const LinearParams& linear) : SgdFit(params, linear, SgdState{}) {}

SgdFit::SgdFit(const SgdParams& params, const LinearParams& linear, SgdState state)
    : params_(params), linear_(linear), state_(std::move(state)) {
  curvature::check(params_);
  curvature::check(linear_);
}

LinearFit SgdFit::fit(const LinearProblem& problem, const Coefficients* start) {
  SgdState fresh;
  const Coefficients from = start ? *start : Coefficients(problem.n_outputs(), problem.design.n_columns());
  fresh.start_at(from);
  LinearFit found{.coefficients = Coefficients(0, 0)};
  found.converged = run_from(std::move(fresh), problem, linear_.max_iter, true);
  found.coefficients = coefficients();
  found.n_iter = static_cast<int>(state_.epochs);
  const Objective objective(problem);
  found.objective = objective.value(found.coefficients);
  if (!found.converged) found.advice = "raise max_iter or tol";
  // Where all scores are 0 a perceptron costs nothing, and every step leads up.
  const double before = objective.value(from);
  if (!std::isfinite(found.objective) || (before > 0 && found.objective > before)) {
    found.converged = false;
    found.advice = "the objective lies above that of the start: lower learning_rate, or scale the columns of X";
  }
  return found;
}

void SgdFit::partial_fit(const LinearProblem& problem) {
  SgdState next = state_;
  if (next.is_empty()) next.start_at(Coefficients(problem.n_outputs(), problem.design.n_columns()));
  const std::int64_t epochs = next.stopped ? 0 : 1;
  (void)run_from(std::move(next), problem, epochs, false);
}

// Where it throws, all is as if it had not been called.
bool SgdFit::run_from(SgdState state, const LinearProblem& problem, std::int64_t epochs, bool may_stop) {
  check(problem, state);
  if (epochs == 0) return false;
  std::swap(state_, state);
  try {
    return run(problem, epochs, may_stop);
  } catch (...) {
    state_ = std::move(state);
    throw;
  }
}

bool SgdFit::run(const LinearProblem& problem, std::int64_t epochs, bool may_stop) {
  const bool lowers_rate = params_.schedule == Schedule::plateau;
  const bool stops = params_.early_stopping || (may_stop && (linear_.tol > 0 || lowers_rate));
  const bool looks = stops || lowers_rate;
  bool stopped = false;
  with_team(problem.threads, [&] {
    Epochs passes(problem, params_, linear_, looks && !params_.early_stopping, state_);
    const std::int64_t last = state_.epochs + epochs;
    while (!stopped && state_.epochs < last) {
      passes.run();
      stopped = looks && note_progress(passes.value()) && stops;
    }
  });
  state_.stopped = stopped && params_.early_stopping;
  return stopped;
}

// Whether there has been none for so long that the fit should stop.
bool SgdFit::note_progress(double value) {
  const double least = state_.best_value;
  const bool progress = std::isinf(least) ? value < least : value < least - linear_.tol * std::abs(least);
  if (value < least) {
    state_.best_value = value;
    if (params_.early_stopping) state_.best = state_.now();
  }
  state_.epochs_without_progress = progress ? 0 : state_.epochs_without_progress + 1;
  if (state_.epochs_without_progress < params_.n_iter_no_change) return false;
  if (params_.schedule != Schedule::plateau) return true;
  state_.epochs_without_progress = 0;
  if (state_.plateau_factor * kPlateauFactor < kLeastRate) return true;
  state_.plateau_factor *= kPlateauFactor;
  return false;
}

}  // namespace curvature
