#include "linear/walk.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include "linear/gram.hpp"
#include "linear/line_search.hpp"

namespace curvature {

double dot(const Direction& a, const Direction& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

void add(Direction& to, double factor, const Direction& of) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += factor * of[i];
}

Walk::Walk(const Objective& objective, const Coefficients& start)
    : objective_(objective),
      problem_(objective.problem()),
      p_(start.n_columns),
      centers_(column_centers(problem_)),
      at_(start),
      f_(start.n_outputs(), problem_.design.n_rows()),
      ahead_(start.n_outputs(), f_.n_rows()),
      g_(start.n_outputs(), f_.n_rows()),
      h_(start.n_outputs(), f_.n_rows()),
      change_(start.n_outputs(), f_.n_rows()) {}

void Walk::center_slopes(double* sums) const {
  for (std::size_t k = 0; k < at_.n_outputs(); ++k) {
    double* own = sums + k * (p_ + 1);
    if (!problem_.fit_intercept) own[p_] = 0;
    for (std::size_t j = 0; j < p_; ++j) own[j] -= centers_[j] * own[p_];
  }
}

template <class Prepare>
void Walk::look(const RowColumns& f, Curvature which, Prepare&& prepare) {
  const std::size_t n_outputs = f.n_outputs();
  const std::size_t width = p_ + 1;
  PartialSums sums(objective_.n_parts(), n_outputs * width + 1);
  objective_.for_each_block([&](std::size_t part, std::size_t begin, std::size_t end) {
    prepare(begin, end);
    double* own = sums.of(part);
    own[n_outputs * width] += objective_.block_derivatives(f, begin, end, which, g_, h_);
    for (std::size_t k = 0; k < n_outputs; ++k) objective_.add_block_gradient(g_, k, begin, end, own + k * width);
  });
  slope_.resize(n_outputs * width + 1);
  sums.add_up(slope_.data());
  value_ = slope_.back() + objective_.penalty(at_);
  if (!std::isfinite(value_)) value_ = std::numeric_limits<double>::infinity();
  slope_.pop_back();
  center_slopes(slope_.data());
  for (std::size_t k = 0; k < n_outputs; ++k) {
    for (std::size_t j = 0; j < p_; ++j) slope_[k * width + j] += problem_.l2[j] * at_.of(k)[j];
  }
}

void Walk::refresh(Curvature which) {
  objective_.scores(at_, f_);
  objective_.prepare_loss(f_);
  look(f_, which, [](std::size_t, std::size_t) {});
}

void Walk::look_ahead(const Coefficients& step) {
  const auto move_block = [&](std::size_t begin, std::size_t end) {
    objective_.block_changes(step, begin, end, change_);
    for (std::size_t k = 0; k < f_.n_outputs(); ++k) {
      for (std::size_t i = begin; i < end; ++i) ahead_.of(k)[i] = f_.of(k)[i] + change_.of(k)[i];
    }
  };
  at_.move(step, 1);
  if (problem_.loss.info().has_values) return look(ahead_, Curvature::exact, move_block);
  objective_.for_each_block([&](std::size_t, std::size_t begin, std::size_t end) { move_block(begin, end); });
  objective_.prepare_loss(ahead_);
  look(ahead_, Curvature::exact, [](std::size_t, std::size_t) {});
}

double Walk::go(const Direction& direction, double along) {
  const Coefficients step = uncentered(direction);
  const Coefficients start = at_;
  const double value = value_;
  Direction slope = slope_;
  look_ahead(step);
  if (ends_well({value, along}, {value_, dot(direction, slope_)}, 1, problem_.loss.info().has_values)) {
    std::swap(f_, ahead_);
    return 1;
  }
  at_ = start;
  const double length = search_line({objective_, at_, step, f_, change_, value, along}).length;
  if (length == 0) {
    value_ = value;
    slope_ = std::move(slope);
    return 0;
  }
  at_.move(step, length);
  for (std::size_t k = 0; k < f_.n_outputs(); ++k) {
    for (std::size_t i = 0; i < f_.n_rows(); ++i) f_.of(k)[i] += length * change_.of(k)[i];
  }
  objective_.prepare_loss(f_);
  look(f_, Curvature::exact, [](std::size_t, std::size_t) {});
  return length;
}

Coefficients Walk::uncentered(const Direction& direction) const {
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

}  // namespace curvature
