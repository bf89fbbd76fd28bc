#include "linear/lbfgs.hpp"

#include <cmath>
#include <deque>
#include <optional>

#include "linear/gram.hpp"
#include "linear/line_search.hpp"
#include "linear/preconditioner.hpp"

namespace curvature {
namespace {

using Vector = std::vector<double>;  // the weights and the intercept of each output, in columns less their centers

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

void add(Vector& to, double factor, const Vector& of) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += factor * of[i];
}

// The last steps and the changes of the slope that they brought.
class History {
 public:
  void remember(Vector step, Vector change) {
    const double product = dot(step, change);
    // No bend was seen, or too little to be told from rounding.
    if (!(product > 1e-14 * std::sqrt(dot(step, step) * dot(change, change)))) return;
    if (pairs_.size() == kMost) pairs_.pop_front();
    pairs_.push_back({std::move(step), std::move(change), 1 / product});
  }
  void forget() { pairs_.clear(); }

  // v = B v
  void apply(Vector& v, const Preconditioner& preconditioner) const {
    Vector along(pairs_.size());
    for (std::size_t i = pairs_.size(); i-- > 0;) {
      along[i] = pairs_[i].inverse * dot(pairs_[i].step, v);
      add(v, -along[i], pairs_[i].change);
    }
    preconditioner.apply(v);
    if (!pairs_.empty()) {
      const Pair& last = pairs_.back();
      Vector scaled = last.change;
      preconditioner.apply(scaled);
      const double length = dot(last.change, scaled);
      if (length > 0) {
        for (double& x : v) x /= last.inverse * length;
      }
    }
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      add(v, along[i] - pairs_[i].inverse * dot(pairs_[i].change, v), pairs_[i].step);
    }
  }

 private:
  static constexpr std::size_t kMost = 10;
  struct Pair {
    Vector step;
    Vector change;
    double inverse;  // 1 / step . change
  };
  std::deque<Pair> pairs_;
};

class Descent {
 public:
  Descent(const Objective& objective, const Coefficients& start)
      : objective_(objective),
        problem_(objective.problem()),
        p_(start.n_columns),
        centers_(column_centers(problem_)),
        at_(start),
        f_(start.n_outputs(), problem_.design.n_rows()),
        g_(start.n_outputs(), problem_.design.n_rows()),
        h_(start.n_outputs(), problem_.design.n_rows()),
        change_(start.n_outputs(), problem_.design.n_rows()) {}

  [[nodiscard]] LinearFit run(const Stopping& stopping);

 private:
  struct Look {
    double value = 0;  // F without L1
    Vector slope;
  };
  // Value and slope where the scores are f.
  [[nodiscard]] Look look(Curvature which);
  // The same one whole step further, where the scores become `ahead`: one pass over the design.
  [[nodiscard]] Look look_ahead(const Coefficients& step, RowColumns& ahead);
  template <class Prepare>
  [[nodiscard]] Look look_by_blocks(const RowColumns& f, Curvature which, Prepare&& prepare);
  void renew(Curvature which);
  [[nodiscard]] Coefficients uncentered(const Vector& direction) const;

  const Objective& objective_;
  const LinearProblem& problem_;
  std::size_t p_;
  Vector centers_;
  Coefficients at_;
  RowColumns f_;
  RowColumns g_;
  RowColumns h_;
  RowColumns change_;
  Look here_;
  std::optional<Preconditioner> preconditioner_;
  History history_;
};

template <class Prepare>
Descent::Look Descent::look_by_blocks(const RowColumns& f, Curvature which, Prepare&& prepare) {
  const std::size_t n_outputs = f.n_outputs();
  const std::size_t width = p_ + 1;
  PartialSums sums(objective_.n_parts(), n_outputs * width + 1);
  objective_.for_each_block([&](std::size_t part, std::size_t begin, std::size_t end) {
    prepare(begin, end);
    double* own = sums.of(part);
    own[n_outputs * width] += objective_.block_derivatives(f, begin, end, which, g_, h_);
    for (std::size_t k = 0; k < n_outputs; ++k) objective_.add_block_gradient(g_, k, begin, end, own + k * width);
  });
  Vector slope(n_outputs * width + 1);
  sums.add_up(slope.data());
  const double mean_loss = slope.back();
  slope.pop_back();
  for (std::size_t k = 0; k < n_outputs; ++k) {
    double* own = slope.data() + k * width;
    if (!problem_.fit_intercept) own[p_] = 0;
    for (std::size_t j = 0; j < p_; ++j) own[j] += problem_.l2[j] * at_.of(k)[j] - centers_[j] * own[p_];
  }
  const double value = mean_loss + objective_.penalty(at_);
  return {std::isfinite(value) ? value : std::numeric_limits<double>::infinity(), std::move(slope)};
}

Descent::Look Descent::look(Curvature which) {
  objective_.prepare_loss(f_);
  return look_by_blocks(f_, which, [](std::size_t, std::size_t) {});
}

Descent::Look Descent::look_ahead(const Coefficients& step, RowColumns& ahead) {
  const auto move_block = [&](std::size_t begin, std::size_t end) {
    objective_.block_changes(step, begin, end, change_);
    for (std::size_t k = 0; k < f_.n_outputs(); ++k) {
      for (std::size_t i = begin; i < end; ++i) ahead.of(k)[i] = f_.of(k)[i] + change_.of(k)[i];
    }
  };
  at_.move(step, 1);
  if (problem_.loss.info().has_values) return look_by_blocks(ahead, Curvature::exact, move_block);
  objective_.for_each_block([&](std::size_t, std::size_t begin, std::size_t end) { move_block(begin, end); });
  objective_.prepare_loss(ahead);
  return look_by_blocks(ahead, Curvature::exact, [](std::size_t, std::size_t) {});
}

void Descent::renew(Curvature which) {
  objective_.scores(at_, f_);
  here_ = look(which);
  preconditioner_.emplace(objective_, centers_, g_, h_);
  history_.forget();
}

Coefficients Descent::uncentered(const Vector& direction) const {
  Coefficients found(at_.n_outputs(), p_);
  for (std::size_t k = 0; k < at_.n_outputs(); ++k) {
    const double* own = direction.data() + k * (p_ + 1);
    double intercept = own[p_];
    for (std::size_t j = 0; j < p_; ++j) {
      found.of(k)[j] = own[j];
      intercept -= centers_[j] * own[j];
    }
    found.intercepts[k] = problem_.fit_intercept ? intercept : 0.0;
  }
  return found;
}

LinearFit Descent::run(const Stopping& stopping) {
  constexpr double kRounding = 4 * std::numeric_limits<double>::epsilon();
  constexpr int kOldest = 15;  // steps after which the curvature of the preconditioner is taken anew
  LinearFit fit{at_};
  Curvature which = Curvature::exact;
  RowColumns ahead(f_.n_outputs(), f_.n_rows());
  renew(which);
  int age = 0;
  while (fit.n_iter < stopping.max_iter && !fit.converged) {
    if (problem_.look_for_signals) problem_.look_for_signals();
    Vector direction = here_.slope;
    for (double& x : direction) x = -x;
    history_.apply(direction, *preconditioner_);
    const double along = dot(direction, here_.slope);
    fit.gap = -0.5 * along / std::max(std::abs(here_.value), std::numeric_limits<double>::min());
    const bool at_rest = along <= 0 && fit.gap <= std::max(stopping.tol, kRounding);
    if (at_rest && age > 0) {  // what the recursion says must hold for the curvature here, too
      age = 0;
      renew(which);
      continue;
    }
    fit.converged = at_rest;
    ++fit.n_iter;
    const Coefficients step = uncentered(direction);
    const Vector before = here_.slope;
    double length = 0;
    if (along < 0) {
      const Coefficients at = at_;
      Look there = look_ahead(step, ahead);
      if (ends_well({here_.value, along}, {there.value, dot(direction, there.slope)}, 1,
                    problem_.loss.info().has_values)) {
        length = 1;
        std::swap(f_, ahead);
        here_ = std::move(there);
      } else {
        at_ = at;
        length = search_line({objective_, at_, step, f_, change_, here_.value, along}).length;
        if (length > 0) {
          at_.move(step, length);
          for (std::size_t k = 0; k < f_.n_outputs(); ++k) {
            for (std::size_t i = 0; i < f_.n_rows(); ++i) f_.of(k)[i] += length * change_.of(k)[i];
          }
          here_ = look(Curvature::exact);
        }
      }
    }
    if (length > 0) {
      Vector bend = here_.slope;
      add(bend, -1, before);
      for (double& x : direction) x *= length;
      history_.remember(std::move(direction), std::move(bend));
      if (++age < kOldest || fit.converged) continue;
    } else if (fit.converged) {
      break;
    } else if (age == 0) {
      if (which == Curvature::unit) {
        fit.advice = "the objective does not fall any more: scale the columns, or raise alpha";
        break;
      }
      which = which == Curvature::exact ? Curvature::safe : Curvature::unit;
    }
    age = 0;
    renew(which);
  }
  fit.coefficients = at_;
  fit.objective = here_.value;
  return fit;
}

}  // namespace

LinearFit lbfgs(const Objective& objective, const Stopping& stopping, const Coefficients& start) {
  return Descent(objective, start).run(stopping);
}

}  // namespace curvature
