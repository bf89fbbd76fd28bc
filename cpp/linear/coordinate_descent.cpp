#include "linear/coordinate_descent.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "linear/coordinate_gap.hpp"
#include "linear/coordinate_model.hpp"
#include "linear/working_columns.hpp"
#include "linear/working_set.hpp"

namespace curvature {
namespace {

constexpr std::size_t kFewColumns = 100;      // whose Gram matrix costs nothing to speak of
constexpr std::size_t kMostProducts = 4096;   // working columns whose Gram matrix is worth its memory
constexpr double kFractionOnProducts = 0.05;  // of the violations, that an inner solution leaves: passes are cheap
constexpr double kFractionOnResiduals = 0.3;
constexpr int kInnerPasses = 1000;
constexpr int kStepsAWorkingSet = 10;

// A part of a problem that has the working columns only.
struct WorkingProblem {
  WorkingProblem(const LinearProblem& whole, const WorkingColumns& columns)
      : problem{columns.design(), whole.target, whole.loss, {}, {}, {}, {}, {}, whole.fit_intercept, whole.threads, {}},
        objective(problem),
        direction(whole.n_outputs(), columns.size()),
        gradient(whole.n_outputs(), columns.size()) {}
  LinearProblem problem;
  Objective objective;
  Coefficients direction;
  Coefficients gradient;
};

class CoordinateDescent {
 public:
  CoordinateDescent(const Objective& objective, const Stopping& stopping, const Coefficients& start,
                    CoordinateMemory& memory)
      : objective_(objective),
        problem_(objective.problem()),
        stopping_(stopping),
        n_columns_(problem_.design.n_columns()),
        at_(start),
        gradient_(start),
        f_(problem_.n_outputs(), problem_.design.n_rows()),
        g_(problem_.n_outputs(), problem_.design.n_rows()),
        h_(problem_.n_outputs(), problem_.design.n_rows()),
        change_(problem_.n_outputs(), problem_.design.n_rows()),
        total_(problem_.n_outputs()),
        memory_(memory),
        columns_(*memory.spread),
        working_(*memory.columns),
        model_is_exact_(problem_.loss.info().name == "squared") {
    for (std::size_t j = 0; j < n_columns_; ++j) penalties_.push_back(penalty_of(problem_, j));
    for (std::size_t k = 0; k < at_.n_outputs(); ++k) {
      for (std::size_t j = 0; j < n_columns_; ++j) {
        at_.of(k)[j] = std::clamp(at_.of(k)[j], penalties_[j].lower, penalties_[j].upper);
      }
    }
  }

  [[nodiscard]] LinearFit run();

 private:
  void differentiate();
  void settle_intercepts();
  [[nodiscard]] double slope(std::size_t output, std::size_t column) const;
  [[nodiscard]] double gap() const;
  [[nodiscard]] double violation(std::size_t output, std::size_t column, double loss_slope) const;
  void grow_working_set();
  void descend_on_working_set();
  [[nodiscard]] bool step(std::size_t output);
  [[nodiscard]] bool products_pay() const;
  [[nodiscard]] const ModelGram& gram_for(const QuadraticModel& model, std::size_t output);
  [[nodiscard]] bool search_along(std::size_t output, const std::vector<double>& target);
  [[nodiscard]] double working_violation() const;

  const Objective& objective_;
  const LinearProblem& problem_;
  const Stopping& stopping_;
  std::size_t n_columns_;
  Coefficients at_;
  Coefficients gradient_;  // of the loss
  RowColumns f_, g_, h_, change_;
  Curvature curvature_ = Curvature::exact;
  double loss_ = 0;
  double value_ = 0;           // F
  std::vector<double> total_;  // sum of h, a number an output
  CoordinateMemory& memory_;
  const ColumnSpread& columns_;
  std::vector<ColumnPenalty> penalties_;
  WorkingColumns& working_;
  std::optional<WorkingProblem> part_;
  bool model_is_exact_;  // the last step did not change h
};

void CoordinateDescent::differentiate() {
  for (;;) {
    loss_ = objective_.row_derivatives(f_, curvature_, g_, h_);
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < total_.size(); ++k) {
      total_[k] = 0;
      for (std::size_t i = 0; i < f_.n_rows(); ++i) total_[k] += h_.of(k)[i];
      least = std::min(least, total_[k]);
    }
    if (least > 0 || curvature_ == Curvature::safe) break;
    curvature_ = Curvature::safe;
  }
  value_ = loss_ + objective_.penalty(at_);
}

// A few Newton steps of the intercepts alone, so that the first working set is chosen by what they do not explain.
void CoordinateDescent::settle_intercepts() {
  constexpr int kSteps = 10;
  differentiate();
  if (!problem_.fit_intercept) return;
  RowColumns before = RowColumns(f_.n_outputs(), f_.n_rows());
  for (int n = 0; n < kSteps; ++n) {
    const double loss = loss_;
    std::vector<double> steps;
    for (std::size_t k = 0; k < f_.n_outputs(); ++k) {
      double slope = 0;
      for (std::size_t i = 0; i < f_.n_rows(); ++i) slope += g_.of(k)[i];
      steps.push_back(total_[k] > 0 ? -slope / total_[k] : 0.0);
      std::copy_n(f_.of(k), f_.n_rows(), before.of(k));
      for (std::size_t i = 0; i < f_.n_rows(); ++i) f_.of(k)[i] += steps[k];
    }
    differentiate();
    if (loss_ < loss) {
      for (std::size_t k = 0; k < steps.size(); ++k) at_.intercepts[k] += steps[k];
      if (loss - loss_ > 1e-6 * std::abs(loss)) continue;
      return;
    }
    std::swap(f_, before);
    differentiate();
    return;
  }
}

// By a weight while the intercept keeps the mean score: what is left of a slope where columns lie far from 0.
double CoordinateDescent::slope(std::size_t output, std::size_t column) const {
  const double follows = problem_.fit_intercept ? columns_.center[column] * gradient_.intercepts[output] : 0.0;
  return gradient_.of(output)[column] - follows;
}

double CoordinateDescent::gap() const {
  std::vector<double> curvatures(at_.weights.size());
  Coefficients slopes = gradient_;
  for (std::size_t k = 0; k < total_.size(); ++k) {
    for (std::size_t j = 0; j < n_columns_; ++j) {
      curvatures[k * n_columns_ + j] = columns_.variance[j] * total_[k];
      slopes.of(k)[j] = slope(k, j);
    }
  }
  return relative_gap(problem_, {at_, slopes, loss_, value_, curvatures, total_});
}

// In the units of ModelPoint::largest_violation.
double CoordinateDescent::violation(std::size_t output, std::size_t column, double loss_slope) const {
  const double curvature = columns_.variance[column] * total_[output] + penalties_[column].l2;
  if (columns_.variance[column] == 0 || curvature == 0) return 0;
  return penalties_[column].violation(at_.of(output)[column], loss_slope) / std::sqrt(curvature);
}

void CoordinateDescent::grow_working_set() {
  std::vector<double> violations(n_columns_, 0.0);
  std::vector<char> is_used(n_columns_, 0);
  for (std::size_t j = 0; j < n_columns_; ++j) {
    is_used[j] = penalties_[j].l1 == 0;
    for (std::size_t k = 0; k < at_.n_outputs(); ++k) {
      is_used[j] |= at_.of(k)[j] != 0;
      violations[j] = std::max(violations[j], violation(k, j, slope(k, j)));
    }
  }
  const WorkingSetGrowth growth = growth_of(working_, violations, is_used);
  if (part_ && !growth.takes_all && growth.added.empty()) return;
  if (growth.takes_all) {
    if (working_.size() == n_columns_ && part_) return;
    working_.take_all();
    memory_.gram = {};
  } else if (!growth.added.empty() || working_.size() == 0) {
    working_.add(growth.added, problem_.threads);
  }
  part_.emplace(problem_, working_);
}

double CoordinateDescent::working_violation() const {
  double largest = 0;
  for (std::size_t k = 0; k < at_.n_outputs(); ++k) {
    for (std::size_t j = 0; j < working_.size(); ++j) {
      const double follows =
          problem_.fit_intercept ? columns_.center[working_[j]] * part_->gradient.intercepts[k] : 0.0;
      largest = std::max(largest, violation(k, working_[j], part_->gradient.of(k)[j] - follows));
    }
  }
  return largest;
}

// Whether the Gram matrix costs less than the passes over the rows that it saves: about ten for a model that changes
// with every step, and some hundred for one that stays. A multiply-add of a pass costs four of a dense Gram matrix.
bool CoordinateDescent::products_pay() const {
  const std::size_t m = working_.size();
  if (m > kMostProducts) return false;
  if (m <= kFewColumns) return true;
  if (!problem_.design.is_sparse()) return m <= (model_is_exact_ ? f_.n_rows() / 2 : 256);
  const double numbers = static_cast<double>(working_.design().n_stored());
  const double rows = static_cast<double>(f_.n_rows());
  const double size = static_cast<double>(m);
  return numbers * numbers / rows + 16 * size * size <= (model_is_exact_ ? 400 : 40) * numbers;
}

const ModelGram& CoordinateDescent::gram_for(const QuadraticModel& model, std::size_t output) {
  const double* h = h_.of(output);
  const std::size_t m = working_.size();
  const bool is_same_h = !memory_.gram_h.empty() && std::equal(memory_.gram_h.begin(), memory_.gram_h.end(), h);
  if (is_same_h && memory_.gram.first.size() == m) return memory_.gram;
  const bool with_products = products_pay();
  if (!with_products) working_.make_whole(problem_.threads);
  std::vector<double> first(m);
  if (with_products) {
    Coefficients sums(at_.n_outputs(), m);
    part_->objective.loss_gradient(h_, sums);
    for (std::size_t j = 0; j < m; ++j) first[j] = sums.of(output)[j] - model.center[j] * model.total;
  }
  if (!is_same_h) memory_.gram = {};
  memory_.gram = gram_of(model, std::move(first), with_products, memory_.gram);
  memory_.gram_h.assign(h, h + f_.n_rows());
  return memory_.gram;
}

// Halves the step until F falls by a share of what the slope promises, or, where what it falls by is lost in rounding,
// until the slope along the step is small enough.
bool CoordinateDescent::search_along(std::size_t output, const std::vector<double>& target) {
  constexpr double kShare = 1e-4;
  constexpr double kRounding = 1e-10;
  constexpr double kShortest = 1e-9;
  const std::size_t m = working_.size();
  const Coefficients& direction = part_->direction;
  std::vector<double> before(m);
  for (std::size_t j = 0; j < m; ++j) before[j] = at_.of(output)[working_[j]];
  const double intercept = at_.intercepts[output];
  const double penalty = value_ - loss_;
  double promised = 0;
  for (std::size_t i = 0; i < f_.n_rows(); ++i) promised += g_.of(output)[i] * change_.of(output)[i];
  for (double length = 1; length >= kShortest; length *= 0.5) {
    double penalty_slope = 0;
    for (std::size_t j = 0; j < m; ++j) {
      const double change = direction.of(output)[j];
      const double b = length == 1 ? target[j] : before[j] + length * change;
      const ColumnPenalty& of = penalties_[working_[j]];
      at_.of(output)[working_[j]] = b;
      penalty_slope += of.l2 * b * change + of.l1 * (b > 0 ? change : b < 0 ? -change : -std::abs(change));
    }
    at_.intercepts[output] = intercept + length * direction.intercepts[output];
    const double new_penalty = objective_.penalty(at_);
    const Objective::Along along = objective_.mean_loss_along(f_, change_, length);
    const double value = along.value + new_penalty;
    const double expected = length * promised + new_penalty - penalty;
    const bool falls = value <= value_ + kShare * expected && expected < 0;
    const bool is_flat = value <= value_ + kRounding * (std::abs(loss_) + penalty) &&
                         along.slope + penalty_slope <= 0.5 * std::abs(expected) / length;
    if (falls || is_flat) {
      for (std::size_t i = 0; i < f_.n_rows(); ++i) f_.of(output)[i] += length * change_.of(output)[i];
      return true;
    }
  }
  for (std::size_t j = 0; j < m; ++j) at_.of(output)[working_[j]] = before[j];
  at_.intercepts[output] = intercept;
  return false;
}

// A Newton step of one output on the working columns. Needs derivatives at f and the working gradient.
bool CoordinateDescent::step(std::size_t output) {
  const std::size_t m = working_.size();
  QuadraticModel model{working_,
                       h_.of(output),
                       total_[output],
                       problem_.fit_intercept,
                       problem_.threads,
                       problem_.look_for_signals,
                       std::vector<double>(m),
                       {},
                       std::vector<double>(m)};
  ModelPoint point{std::vector<double>(m), std::vector<double>(m)};
  constexpr double kLeastBend = 1e-4;  // of what rows of mean h would give: for columns of rows where h vanishes
  for (std::size_t j = 0; j < m; ++j) {
    const std::size_t column = working_[j];
    model.center[j] = problem_.fit_intercept && !problem_.design.is_sparse() ? columns_.center[column] : 0.0;
    model.penalties.push_back(penalties_[column]);
    model.least_curvature[j] = kLeastBend * columns_.variance[column] * total_[output];
    point.b[j] = at_.of(output)[column];
  }
  const ModelGram& gram = gram_for(model, output);
  const double intercept_slope = problem_.fit_intercept ? part_->gradient.intercepts[output] : 0.0;
  const double per_total = problem_.fit_intercept && total_[output] > 0 ? 1 / total_[output] : 0.0;
  for (std::size_t j = 0; j < m; ++j) {
    const double mean = model.center[j] + gram.first[j] * per_total;
    point.slope[j] = part_->gradient.of(output)[j] - mean * intercept_slope;
  }
  const std::vector<double> before = point.b;
  const double fraction = gram.products.empty() ? kFractionOnResiduals : kFractionOnProducts;
  minimise(model, gram, g_.of(output), fraction, kInnerPasses, point);

  Coefficients& direction = part_->direction;
  std::fill(direction.weights.begin(), direction.weights.end(), 0.0);
  std::fill(direction.intercepts.begin(), direction.intercepts.end(), 0.0);
  double intercept = -intercept_slope * per_total;
  for (std::size_t j = 0; j < m; ++j) {
    const double change = point.b[j] - before[j];
    direction.of(output)[j] = change;
    if (problem_.fit_intercept) intercept -= (model.center[j] + gram.first[j] * per_total) * change;
  }
  direction.intercepts[output] = intercept;
  part_->objective.score_changes(direction, change_);
  return search_along(output, point.b);
}

void CoordinateDescent::descend_on_working_set() {
  const bool is_all = working_.size() == n_columns_;
  double goal = 0;
  for (int n = 0; n < (is_all ? 1 : kStepsAWorkingSet); ++n) {
    bool moved = false;
    for (std::size_t k = 0; k < at_.n_outputs(); ++k) {
      part_->objective.loss_gradient(g_, part_->gradient);
      if (n == 0 && k == 0) goal = 0.1 * working_violation();
      const std::vector<double> h(h_.of(k), h_.of(k) + f_.n_rows());
      const double value = value_;
      const bool fell = step(k);
      if (!fell && curvature_ == Curvature::exact) curvature_ = Curvature::safe;
      differentiate();
      moved = moved || value_ < value;
      model_is_exact_ = at_.n_outputs() == 1 && std::equal(h.begin(), h.end(), h_.of(k));
    }
    if (is_all || model_is_exact_ || !moved) return;
    part_->objective.loss_gradient(g_, part_->gradient);
    if (working_violation() <= goal) return;
  }
}

LinearFit CoordinateDescent::run() {
  constexpr int kStalls = 3;
  LinearFit fit{.coefficients = at_, .advice = {}};
  objective_.scores(at_, f_);
  settle_intercepts();
  int stalls = 0;
  double best = std::numeric_limits<double>::infinity();
  double best_gap = best;
  for (;;) {
    if (problem_.look_for_signals) problem_.look_for_signals();
    objective_.loss_gradient(g_, gradient_);
    fit.gap = gap();
    fit.converged = fit.gap <= stopping_.tol;
    if (fit.gap == 0 || (fit.converged && stopping_.tol > 0) || fit.n_iter >= stopping_.max_iter) break;
    const bool improves = value_ < best || (stopping_.tol > 0 && fit.gap < 0.5 * best_gap);
    stalls = improves ? 0 : stalls + 1;
    best = std::min(best, value_);
    best_gap = std::min(best_gap, fit.gap);
    if (stalls >= kStalls) {
      constexpr double kAtRounding = 1e-8;
      fit.converged = fit.gap <= std::max(stopping_.tol, kAtRounding);
      if (!fit.converged)
        fit.advice = "the objective falls no further: raise tol, or choose another solver for this loss";
      break;
    }
    grow_working_set();
    descend_on_working_set();
    ++fit.n_iter;
  }
  if (!fit.converged && fit.advice.empty()) fit.advice = "raise max_iter or tol";
  fit.coefficients = at_;
  fit.objective = value_;
  return fit;
}

}  // namespace

LinearFit coordinate_descent(const Objective& objective, const Stopping& stopping, const Coefficients& start,
                             CoordinateMemory& memory) {
  std::optional<LinearFit> fit;
  with_team(objective.problem().threads, [&] {
    if (!memory.spread) memory.spread = spread_of_columns(objective);
    if (!memory.columns) memory.columns.emplace(objective.problem().design);
    fit = CoordinateDescent(objective, stopping, start, memory).run();
  });
  return std::move(*fit);
}

LinearFit coordinate_descent(const Objective& objective, const Stopping& stopping, const Coefficients& start) {
  CoordinateMemory memory;
  return coordinate_descent(objective, stopping, start, memory);
}

}  // namespace curvature
