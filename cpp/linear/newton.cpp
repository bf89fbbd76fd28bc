#include "linear/newton.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "linear/cholesky.hpp"
#include "linear/gram.hpp"
#include "linear/line_search.hpp"

namespace curvature {
namespace {

constexpr std::size_t kFewColumns = 128;  // as many are summed up block by block, while the block is in the cache

// The quadratic model of F at some coefficients, in the intercept and in columns less their centers.
class QuadraticModel {
 public:
  explicit QuadraticModel(const Objective& objective)
      : objective_(objective),
        p_(objective.problem().design.n_columns()),
        centers_(column_centers(objective.problem())),
        f_(1, objective.problem().design.n_rows()),
        g_(1, f_.n_rows()),
        h_(1, f_.n_rows()),
        gradient_(p_),
        cross_(p_) {}

  // Fills scores, sums and the factor; one pass over the design.
  void build(const Coefficients& at, Curvature which);
  // F without L1.
  [[nodiscard]] double value() const { return value_; }
  [[nodiscard]] const RowColumns& scores() const { return f_; }
  // The step to the model's minimum.
  [[nodiscard]] Coefficients step() const;
  // What the minimum of the model lies below its start, twice.
  [[nodiscard]] double decrement() const;
  // Whether some columns are left out of the step: they depend on others, or h is 0 wherever they are not.
  [[nodiscard]] bool is_singular() const { return factor_->n_dropped() > 0; }

 private:
  // By the weights, where the intercept follows them.
  [[nodiscard]] std::vector<double> reduced_gradient() const;

  struct Sums {  // of a part, one after the other
    std::size_t p;
    std::size_t gram;  // p^2 or 0
    [[nodiscard]] std::size_t size() const { return 2 * p + 3 + gram; }
  };

  const Objective& objective_;
  std::size_t p_;
  std::vector<double> centers_;
  RowColumns f_;
  RowColumns g_;
  RowColumns h_;
  double value_ = 0;
  std::vector<double> gradient_;  // by the centered columns
  std::vector<double> cross_;     // sum of h (x - center)
  double slope_ = 0;              // by the intercept
  double bend_ = 0;               // sum of h
  std::optional<Cholesky> factor_;
};

void QuadraticModel::build(const Coefficients& at, Curvature which) {
  const LinearProblem& problem = objective_.problem();
  const Design& design = problem.design;
  const bool in_blocks = p_ <= kFewColumns;
  const bool has_values = problem.loss.info().has_values;
  if (!has_values) {
    objective_.scores(at, f_);
    objective_.prepare_loss(f_);
  }
  const Sums sums{p_, in_blocks ? p_ * p_ : 0};
  PartialSums partial(objective_.n_parts(), sums.size());
  objective_.for_each_part([&](std::size_t part, std::size_t begin, std::size_t end) {
    GramPanel panel(in_blocks && !design.is_sparse() ? p_ : 0);
    double* own = partial.of(part);
    for (std::size_t first = begin; first < end; first += objective_.block_rows()) {
      const std::size_t last = std::min(end, first + objective_.block_rows());
      if (has_values) objective_.block_scores(at, first, last, f_);
      own[2 * p_] += objective_.block_derivatives(f_, first, last, which, g_, h_);
      const double* g = g_.of(0) + first;
      const double* h = h_.of(0) + first;
      for (std::size_t i = 0; i < last - first; ++i) {
        own[2 * p_ + 1] += g[i];
        own[2 * p_ + 2] += h[i];
      }
      design.transpose_times(first, last, g, own);
      design.transpose_times(first, last, h, own + p_);
      if (in_blocks) panel.add(design, first, last, h, centers_.data(), own + 2 * p_ + 3, p_);
    }
  });
  std::vector<double> total(sums.size());
  partial.add_up(total.data());
  const Objective::Parabola ridge = objective_.ridge_along(at, at);
  value_ = total[2 * p_] + ridge.half_bend;
  slope_ = problem.fit_intercept ? total[2 * p_ + 1] : 0.0;
  bend_ = problem.fit_intercept ? total[2 * p_ + 2] : 0.0;
  AlignedBuffer<double> hessian(p_ * p_);
  if (in_blocks) {
    std::copy_n(total.data() + 2 * p_ + 3, p_ * p_, hessian.data());
  } else {
    weighted_gram(design, h_.of(0), centers_.data(), hessian.data(), problem.threads);
  }
  for (std::size_t j = 0; j < p_; ++j) {
    gradient_[j] = total[j] - centers_[j] * slope_ + problem.l2[j] * at.weights[j];
    cross_[j] = problem.fit_intercept ? total[p_ + j] - centers_[j] * bend_ : 0.0;
    hessian[j * p_ + j] += problem.l2[j];
  }
  if (bend_ > 0) {  // the intercept at its best for every step of the weights
    for (std::size_t i = 0; i < p_; ++i) {
      for (std::size_t j = 0; j <= i; ++j) hessian[i * p_ + j] -= cross_[i] * cross_[j] / bend_;
    }
  }
  factor_.emplace(std::move(hessian), p_, problem.threads);
}

std::vector<double> QuadraticModel::reduced_gradient() const {
  std::vector<double> reduced = gradient_;
  if (bend_ > 0) {
    for (std::size_t j = 0; j < p_; ++j) reduced[j] -= cross_[j] * slope_ / bend_;
  }
  return reduced;
}

Coefficients QuadraticModel::step() const {
  Coefficients found(1, p_);
  found.weights = reduced_gradient();
  factor_->solve(found.weights.data());
  double intercept = -slope_;
  for (double& weight : found.weights) weight = -weight;
  for (std::size_t j = 0; j < p_; ++j) intercept -= cross_[j] * found.weights[j];
  intercept = bend_ > 0 ? intercept / bend_ : 0.0;
  for (std::size_t j = 0; j < p_; ++j) intercept -= centers_[j] * found.weights[j];
  found.intercepts[0] = objective_.problem().fit_intercept ? intercept : 0.0;
  return found;
}

double QuadraticModel::decrement() const {
  const std::vector<double> reduced = reduced_gradient();
  return factor_->inverse_form(reduced.data()) + (bend_ > 0 ? slope_ * slope_ / bend_ : 0.0);
}

constexpr Curvature kSafer[] = {Curvature::safe, Curvature::unit, Curvature::unit};
Curvature safer(Curvature than) { return kSafer[static_cast<int>(than)]; }

}  // namespace

LinearFit newton(const Objective& objective, const Stopping& stopping, const Coefficients& start) {
  const LinearProblem& problem = objective.problem();
  LinearFit fit{start};
  Coefficients& at = fit.coefficients;
  QuadraticModel model(objective);
  RowColumns change(1, problem.design.n_rows());
  Curvature which = Curvature::exact;
  constexpr double kRounding = 4 * std::numeric_limits<double>::epsilon();
  const auto step_back = [&] {
    const bool more = which != Curvature::unit && !problem.loss.info().unit_curvature;
    which = safer(which);
    return more;
  };
  for (; fit.n_iter < stopping.max_iter; ++fit.n_iter) {
    if (problem.look_for_signals) problem.look_for_signals();
    model.build(at, which);
    fit.objective = model.value();
    const double decrement = model.decrement();
    fit.gap = 0.5 * decrement / std::max(std::abs(fit.objective), std::numeric_limits<double>::min());
    const bool at_rest = fit.gap <= std::max(stopping.tol, kRounding);
    if (at_rest && model.is_singular() && step_back()) continue;
    const Coefficients step = model.step();
    objective.score_changes(step, change);
    const LineStep taken = search_line({objective, at, step, model.scores(), change, fit.objective, -decrement});
    if (taken.length > 0) {
      for (std::size_t j = 0; j < at.n_columns; ++j) at.weights[j] += taken.length * step.weights[j];
      at.intercepts[0] += taken.length * step.intercepts[0];
      if (problem.loss.info().has_values) fit.objective = taken.value;
    }
    if (at_rest) {
      fit.converged = true;
      ++fit.n_iter;
      break;
    }
    if (taken.length > 0) {
      which = Curvature::exact;
    } else if (!step_back()) {
      fit.gap = std::numeric_limits<double>::infinity();  // what the model promised was not there
      fit.advice = "the objective does not fall any more along Newton's steps: scale the columns, or raise alpha";
      break;
    }
  }
  return fit;
}

}  // namespace curvature
