#include "linear/quadratic_model.hpp"

#include <algorithm>
#include <utility>

#include "linear/gram.hpp"

namespace curvature {
namespace {

constexpr std::size_t kFewColumns = 128;  // as many are summed up block by block, while the block is in the cache

std::size_t pairs_of(const Loss& loss) {
  const LossInfo& info = loss.info();
  return info.has_mixed_derivatives ? info.n_outputs * (info.n_outputs - 1) / 2 : 0;
}

}  // namespace

QuadraticModel::QuadraticModel(const Objective& objective)
    : objective_(objective),
      p_(objective.problem().design.n_columns()),
      width_(p_ + (objective.problem().fit_intercept ? 1 : 0)),
      centers_(column_centers(objective.problem())),
      f_(objective.problem().n_outputs(), objective.problem().design.n_rows()),
      g_(f_.n_outputs(), f_.n_rows()),
      h_(f_.n_outputs(), f_.n_rows()),
      mixed_(pairs_of(objective.problem().loss), f_.n_rows()),
      gradient_(size()) {}

QuadraticModel::Layout QuadraticModel::layout() const { return {p_, f_.n_outputs(), p_ <= kFewColumns ? p_ * p_ : 0}; }

const double* QuadraticModel::curvatures(std::size_t k, std::size_t l) const {
  if (k == l) return h_.of(k);
  return has_mixed_ ? mixed_.of(k * (k - 1) / 2 + l) : nullptr;
}

void QuadraticModel::sum_rows(const Coefficients& at, Curvature which, double* sums) {
  const Design& design = objective_.problem().design;
  const Layout lay = layout();
  const bool has_values = objective_.problem().loss.info().has_values;
  if (!has_values) {
    objective_.scores(at, f_);
    objective_.prepare_loss(f_);
  }
  PartialSums partial(objective_.n_parts(), lay.size());
  objective_.for_each_part([&](std::size_t part, std::size_t begin, std::size_t end) {
    GramPanel panel(lay.gram && !design.is_sparse() ? p_ : 0);
    double* own = partial.of(part);
    for (std::size_t first = begin; first < end; first += objective_.block_rows()) {
      const std::size_t last = std::min(end, first + objective_.block_rows());
      if (has_values) objective_.block_scores(at, first, last, f_);
      own[0] += objective_.block_derivatives(f_, first, last, which, g_, h_);
      if (has_mixed_) objective_.block_mixed_derivatives(f_, first, last, mixed_);
      for (std::size_t k = 0; k < f_.n_outputs(); ++k) {
        objective_.add_block_gradient(g_, k, first, last, own + lay.gradient(k));
        for (std::size_t l = 0; l <= k; ++l) {
          if (!curvatures(k, l)) continue;
          const double* h = curvatures(k, l) + first;
          double* of_pair = own + lay.pair(k, l);
          design.transpose_times(first, last, h, of_pair);
          for (std::size_t i = 0; i < last - first; ++i) of_pair[p_] += h[i];
          if (lay.gram) panel.add(design, first, last, h, centers_.data(), of_pair + p_ + 1, p_);
        }
      }
    }
  });
  partial.add_up(sums);
}

void QuadraticModel::build(const Coefficients& at, Curvature which) {
  const LinearProblem& problem = objective_.problem();
  const Layout lay = layout();
  has_mixed_ = mixed_.n_outputs() > 0 && which == Curvature::exact;
  std::vector<double> sums(lay.size());
  sum_rows(at, which, sums.data());
  value_ = sums[0] + objective_.ridge_along(at, at).half_bend;
  AlignedBuffer<double> matrix(size() * size(), 0.0);
  for (std::size_t k = 0; k < f_.n_outputs(); ++k) {
    const double* slopes = sums.data() + lay.gradient(k);
    double* own = gradient_.data() + k * width_;
    if (problem.fit_intercept) own[p_] = slopes[p_];
    for (std::size_t j = 0; j < p_; ++j) own[j] = slopes[j] - centers_[j] * slopes[p_] + problem.l2[j] * at.of(k)[j];
    for (std::size_t l = 0; l <= k; ++l) {
      if (curvatures(k, l)) place_pair(sums.data() + lay.pair(k, l), k, l, matrix.data());
    }
    for (std::size_t j = 0; j < p_; ++j) matrix[(k * width_ + j) * (size() + 1)] += problem.l2[j];
  }
  if (has_mixed_ && slopes_cancel(g_)) hold_shifts(matrix.data());
  factor_.emplace(std::move(matrix), size(), problem.threads);
}

void QuadraticModel::place_pair(const double* sums, std::size_t k, std::size_t l, double* matrix) const {
  const LinearProblem& problem = objective_.problem();
  const double* gram = sums + p_ + 1;
  AlignedBuffer<double> apart;
  if (layout().gram == 0) {
    apart = AlignedBuffer<double>(p_ * p_);
    weighted_gram(problem.design, curvatures(k, l), centers_.data(), apart.data(), problem.threads);
    gram = apart.data();
  }
  const auto row = [&](std::size_t i) { return matrix + (k * width_ + i) * size() + l * width_; };
  for (std::size_t i = 0; i < p_; ++i) {
    for (std::size_t j = 0; j < p_; ++j) row(i)[j] = gram[std::max(i, j) * p_ + std::min(i, j)];
  }
  if (!problem.fit_intercept) return;
  for (std::size_t j = 0; j < p_; ++j) row(j)[p_] = row(p_)[j] = sums[j] - centers_[j] * sums[p_];
  row(p_)[p_] = sums[p_];
}

// A loss that does not see a shift of all its scores leaves the shift to the penalty, or free. There is no slope that
// way, so that any curvature added to it keeps steps off it and changes nothing else.
void QuadraticModel::hold_shifts(double* matrix) const {
  const std::size_t n_outputs = f_.n_outputs();
  for (std::size_t j = 0; j < width_; ++j) {
    double mean = 0;
    for (std::size_t k = 0; k < n_outputs; ++k) mean += matrix[(k * width_ + j) * (size() + 1)];
    for (std::size_t k = 0; k < n_outputs; ++k) {
      for (std::size_t l = 0; l <= k; ++l) {
        matrix[(k * width_ + j) * size() + l * width_ + j] += mean / static_cast<double>(n_outputs);
      }
    }
  }
}

Coefficients QuadraticModel::step() const {
  std::vector<double> minus = gradient_;
  factor_->solve(minus.data());
  Coefficients found(f_.n_outputs(), p_);
  for (std::size_t k = 0; k < f_.n_outputs(); ++k) {
    const double* own = minus.data() + k * width_;
    double at_center = 0;
    for (std::size_t j = 0; j < p_; ++j) {
      found.of(k)[j] = -own[j];
      at_center -= centers_[j] * own[j];
    }
    found.intercepts[k] = objective_.problem().fit_intercept ? -own[p_] - at_center : 0.0;
  }
  return found;
}

}  // namespace curvature
