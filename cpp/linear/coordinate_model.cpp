#include "linear/coordinate_model.hpp"

#include <algorithm>
#include <cmath>

#include "base/threads.hpp"
#include "kernel/columns.hpp"
#include "linear/anderson.hpp"
#include "linear/growing_gram.hpp"

namespace curvature {
namespace {

// A model, and where a step goes in one column.
class Steps {
 public:
  Steps(const QuadraticModel& model, const ModelGram& gram, ModelPoint& point)
      : model_(model), gram_(gram), point_(point) {}

  [[nodiscard]] std::size_t size() const { return point_.b.size(); }
  [[nodiscard]] double violation(std::size_t j) const {
    const double curvature = gram_.curvature[j];
    const ColumnPenalty& penalty = model_.penalties[j];
    if (curvature == 0) return 0;
    return penalty.violation(point_.b[j], point_.slope[j]) / std::sqrt(curvature + penalty.l2);
  }
  [[nodiscard]] double best(std::size_t j) const {
    const double curvature = gram_.curvature[j];
    const ColumnPenalty& penalty = model_.penalties[j];
    if (curvature == 0) return penalty.l1 > 0 || penalty.l2 > 0 ? 0.0 : point_.b[j];
    return penalty.minimiser(point_.b[j], point_.slope[j], curvature);
  }
  [[nodiscard]] bool is_allowed(const double* b) const {
    for (std::size_t j = 0; j < size(); ++j) {
      if (!(b[j] >= model_.penalties[j].lower && b[j] <= model_.penalties[j].upper)) return false;
    }
    return true;
  }

 protected:
  const QuadraticModel& model_;
  const ModelGram& gram_;
  ModelPoint& point_;
};

// Slopes of all columns are kept up to date, row by row of the products.
class StepsOnProducts : public Steps {
 public:
  StepsOnProducts(const QuadraticModel& model, const ModelGram& gram, ModelPoint& point)
      : Steps(model, gram, point), start_(point), history_(2 * size(), size()) {}

  [[nodiscard]] bool cycles_over_all() const { return true; }
  void find_slope(std::size_t) {}
  void move(std::size_t j, double b) {
    const double change = b - point_.b[j];
    kernel::column_table().add_scaled(change, gram_.products.data() + j * size(), point_.slope.data(), size());
    point_.b[j] = b;
  }
  void accelerate() {
    double* to = history_.next();
    std::copy(point_.b.begin(), point_.b.end(), to);
    std::copy(point_.slope.begin(), point_.slope.end(), to + size());
    if (!history_.is_full()) return;
    std::vector<double> found(2 * size());
    if (!history_.extrapolate(gram_.curvature.data(), found.data()) || !is_allowed(found.data())) return;
    if (value(found.data(), found.data() + size()) < value(point_.b.data(), point_.slope.data())) {
      std::copy_n(found.data(), size(), point_.b.data());
      std::copy_n(found.data() + size(), size(), point_.slope.data());
    }
  }

 private:
  [[nodiscard]] double value(const double* b, const double* slope) const {
    double sum = 0;
    for (std::size_t j = 0; j < size(); ++j) {
      sum += 0.5 * (b[j] - start_.b[j]) * (start_.slope[j] + slope[j]) + model_.penalties[j].value(b[j]);
    }
    return sum;
  }

  const ModelPoint start_;
  Anderson history_;
};

// The slope u of every row is kept up to date, up to h times the intercept's shift.
class StepsOnResiduals : public Steps {
 public:
  StepsOnResiduals(const QuadraticModel& model, const ModelGram& gram, const double* g, ModelPoint& point)
      : Steps(model, gram, point),
        n_rows_(model.columns.design().n_rows()),
        start_(point),
        u_(g, g + n_rows_),
        history_(size() + n_rows_ + 2, size()) {
    for (const double slope : u_) sum_ += slope;
    per_total_ = model.fit_intercept && model.total > 0 ? 1 / model.total : 0.0;
    shift_ = -sum_ * per_total_;
  }

  [[nodiscard]] bool cycles_over_all() const { return false; }
  void find_slope(std::size_t j) { point_.slope[j] = slope(j, u_.data(), sum_, shift_); }
  void move(std::size_t j, double b) {
    const double change = b - point_.b[j];
    model_.columns.add_to(change, j, model_.center[j], model_.h, u_.data());
    sum_ += change * gram_.first[j];
    shift_ -= change * gram_.first[j] * per_total_;
    point_.b[j] = b;
  }
  void accelerate() {
    double* to = history_.next();
    std::copy(point_.b.begin(), point_.b.end(), to);
    std::copy(u_.begin(), u_.end(), to + size());
    to[size() + n_rows_] = sum_;
    to[size() + n_rows_ + 1] = shift_;
    if (!history_.is_full()) return;
    std::vector<double> found(size() + n_rows_ + 2);
    if (!history_.extrapolate(gram_.curvature.data(), found.data()) || !is_allowed(found.data())) return;
    const double* u = found.data() + size();
    if (value(found.data(), u, u[n_rows_], u[n_rows_ + 1]) < value(point_.b.data(), u_.data(), sum_, shift_)) {
      std::copy_n(found.data(), size(), point_.b.data());
      std::copy_n(u, n_rows_, u_.data());
      sum_ = u[n_rows_];
      shift_ = u[n_rows_ + 1];
    }
  }

 private:
  [[nodiscard]] double slope(std::size_t j, const double* u, double sum, double shift) const {
    return model_.columns.dot(j, u) - model_.center[j] * sum + shift * gram_.first[j];
  }
  [[nodiscard]] double value(const double* b, const double* u, double sum, double shift) const {
    double total = 0;
    for (std::size_t j = 0; j < size(); ++j) {
      const double change = b[j] - start_.b[j];
      if (change != 0) total += 0.5 * change * (start_.slope[j] + slope(j, u, sum, shift));
      total += model_.penalties[j].value(b[j]);
    }
    return total;
  }

  std::size_t n_rows_;
  const ModelPoint start_;
  std::vector<double> u_;
  double sum_ = 0;  // of u
  double shift_ = 0;
  double per_total_ = 0;
  Anderson history_;
};

// One step in each of these columns; the largest violation seen before its own step.
template <class Kind>
double pass(Kind& steps, const std::vector<std::size_t>& order, ModelPoint& point) {
  double largest = 0;
  for (const std::size_t j : order) {
    steps.find_slope(j);
    largest = std::max(largest, steps.violation(j));
    const double b = steps.best(j);
    if (b != point.b[j]) steps.move(j, b);
  }
  return largest;
}

template <class Kind>
void descend(const QuadraticModel& model, Kind&& steps, double fraction, int passes, ModelPoint& point) {
  constexpr int kActivePasses = 20;  // between two passes over all columns
  std::vector<std::size_t> all(point.b.size());
  for (std::size_t j = 0; j < all.size(); ++j) all[j] = j;
  double tolerance = 0;
  for (const std::size_t j : all) tolerance = std::max(tolerance, fraction * steps.violation(j));
  while (passes-- > 0) {
    point.largest_violation = pass(steps, all, point);
    if (point.largest_violation <= tolerance) return;
    steps.accelerate();
    if (model.look_for_signals) model.look_for_signals();
    if (steps.cycles_over_all()) continue;
    std::vector<std::size_t> active;
    for (const std::size_t j : all) {
      if (point.b[j] != 0) active.push_back(j);
    }
    for (int k = 0; k < kActivePasses && passes > 0; ++k, --passes) {
      const double largest = pass(steps, active, point);
      steps.accelerate();
      if (largest <= 0.3 * tolerance) break;
    }
  }
}

}  // namespace

ModelGram gram_of(const QuadraticModel& model, std::vector<double> first, bool with_products, const ModelGram& known) {
  const std::size_t m = model.columns.size();
  ModelGram gram;
  gram.first = std::move(first);
  gram.curvature.resize(m);
  if (with_products) {
    std::vector<double> shift(m, 0.0);
    const double per_root = model.fit_intercept && model.total > 0 ? 1 / std::sqrt(model.total) : 0.0;
    for (std::size_t j = 0; j < m; ++j) shift[j] = gram.first[j] * per_root;
    gram.products = grown_gram(model.columns.design(), model.h, model.center.data(), shift.data(), known.products,
                               known.first.size(), model.threads);
  }
  const double per_total = model.fit_intercept && model.total > 0 ? 1 / model.total : 0.0;
  parallel_for(m, model.threads, [&](std::size_t j, int) {
    double curvature;
    if (with_products) {
      curvature = gram.products[j * m + j];
    } else {
      const kernel::Moments moments = model.columns.moments(j, model.center[j], model.h);
      gram.first[j] = moments.first;
      curvature = moments.second - moments.first * moments.first * per_total;
    }
    const double least = model.least_curvature[j];
    gram.curvature[j] = least > 0 ? std::max(curvature, least) : 0.0;
    if (with_products) gram.products[j * m + j] = gram.curvature[j];
  });
  return gram;
}

void minimise(const QuadraticModel& model, const ModelGram& gram, const double* g, double fraction, int passes,
              ModelPoint& point) {
  if (gram.products.empty()) {
    descend(model, StepsOnResiduals(model, gram, g, point), fraction, passes, point);
  } else {
    descend(model, StepsOnProducts(model, gram, point), fraction, passes, point);
  }
}

}  // namespace curvature
