#include "linear/objective.hpp"

#include <cmath>
#include <limits>

#include "base/profile.hpp"

namespace curvature {
namespace {

constexpr std::size_t kMostParts = 16;
constexpr std::size_t kLossBlock = 512;  // rows of a loss that stay in the first-level cache

double finite_or_infinite(double value) {
  return std::isfinite(value) ? value : std::numeric_limits<double>::infinity();
}

// Pointers to row `begin` of every output.
std::vector<double*> columns_at(RowColumns& of, std::size_t begin) {
  std::vector<double*> found;
  for (std::size_t k = 0; k < of.n_outputs(); ++k) found.push_back(of.of(k) + begin);
  return found;
}
std::vector<const double*> columns_of(const RowColumns& of) {
  std::vector<const double*> found;
  for (std::size_t k = 0; k < of.n_outputs(); ++k) found.push_back(of.of(k));
  return found;
}

}  // namespace

void PartialSums::add_up(double* out) const {
  const std::size_t n_parts = size_ ? sums_.size() / size_ : 0;
  std::fill_n(out, size_, 0.0);
  for (std::size_t part = 0; part < n_parts; ++part) {
    const double* own = sums_.data() + part * size_;
    for (std::size_t i = 0; i < size_; ++i) out[i] += own[i];
  }
}

Objective::Objective(const LinearProblem& problem) : problem_(problem), block_rows_(problem.design.block_rows()) {
  const std::size_t n_rows = problem.design.n_rows();
  const std::size_t n_blocks = std::max<std::size_t>(1, (n_rows + block_rows_ - 1) / block_rows_);
  // Partial sums of long gradients would cost more than their rows.
  const std::size_t worth = problem.design.n_stored() / std::max<std::size_t>(1, problem.design.n_columns());
  n_parts_ = std::clamp<std::size_t>(std::min(n_blocks, worth / 8), 1, kMostParts);
  part_rows_ = (n_blocks + n_parts_ - 1) / n_parts_ * block_rows_;
  for (std::size_t row = 0; row < n_rows; ++row) total_weight_ += problem.weight(row);
}

void Objective::block_scores(const Coefficients& at, std::size_t begin, std::size_t end, RowColumns& f) const {
  const profile::Scope scope(Phase::product, (end - begin) * at.n_columns * f.n_outputs());
  for (std::size_t k = 0; k < f.n_outputs(); ++k) {
    double* out = f.of(k) + begin;
    std::fill_n(out, end - begin, at.intercepts[k]);
    if (!problem_.offsets.empty()) {
      const double* offset = problem_.offsets[k] + begin;
      for (std::size_t i = 0; i < end - begin; ++i) out[i] += offset[i];
    }
    const bool all_zero = std::all_of(at.of(k), at.of(k) + at.n_columns, [](double weight) { return weight == 0; });
    if (!all_zero) problem_.design.times(begin, end, at.of(k), out);
  }
}

void Objective::scores(const Coefficients& at, RowColumns& f) const {
  for_each_block([&](std::size_t, std::size_t begin, std::size_t end) { block_scores(at, begin, end, f); });
}

void Objective::block_changes(const Coefficients& direction, std::size_t begin, std::size_t end,
                              RowColumns& change) const {
  const profile::Scope scope(Phase::product, (end - begin) * direction.n_columns * change.n_outputs());
  for (std::size_t k = 0; k < change.n_outputs(); ++k) {
    double* out = change.of(k) + begin;
    std::fill_n(out, end - begin, direction.intercepts[k]);
    problem_.design.times(begin, end, direction.of(k), out);
  }
}

void Objective::score_changes(const Coefficients& direction, RowColumns& change) const {
  for_each_block(
      [&](std::size_t, std::size_t begin, std::size_t end) { block_changes(direction, begin, end, change); });
}

void Objective::prepare_loss(const RowColumns& f) const {
  problem_.loss.prepare(columns_of(f).data(), problem_.design.n_rows());
}

double Objective::mean_loss(const RowColumns& f) const {
  prepare_loss(f);
  const std::vector<const double*> scores = columns_of(f);
  PartialSums sums(n_parts_, 1);
  for_each_part([&](std::size_t part, std::size_t begin, std::size_t end) {
    double values[kLossBlock];
    for (std::size_t first = begin; first < end; first += kLossBlock) {
      const std::size_t n = std::min(kLossBlock, end - first);
      problem_.loss.values({problem_.target.columns.data(), scores.data(), first, n}, values);
      double sum = 0;
      for (std::size_t i = 0; i < n; ++i) {
        const double w = problem_.weight(first + i);
        if (w > 0) sum += w * values[i];
      }
      *sums.of(part) += sum;
    }
  });
  double total = 0;
  sums.add_up(&total);
  return finite_or_infinite(total / total_weight_);
}

Objective::Along Objective::mean_loss_along(const RowColumns& f, const RowColumns& change, double step) const {
  const profile::Scope scope(Phase::gradient, problem_.design.n_rows());
  const LinearProblem& of = problem_;
  const std::size_t n_outputs = f.n_outputs();
  const bool has_values = of.loss.info().has_values;
  // A loss without values wants to see all scores beforehand; others are given those of a block.
  RowColumns moved(has_values ? 0 : n_outputs, f.n_rows());
  for (std::size_t k = 0; k < moved.n_outputs(); ++k) {
    for (std::size_t i = 0; i < f.n_rows(); ++i) moved.of(k)[i] = f.of(k)[i] + step * change.of(k)[i];
  }
  if (!has_values) prepare_loss(moved);
  const std::vector<const double*> all_moved = columns_of(moved);
  PartialSums sums(n_parts_, 2);
  for_each_part([&](std::size_t part, std::size_t begin, std::size_t end) {
    std::vector<double> memory((3 * n_outputs + 1) * kLossBlock);
    double* values = memory.data();
    std::vector<double*> scores;
    std::vector<double*> gradients;
    std::vector<double*> hessians;
    for (std::size_t k = 0; k < n_outputs; ++k) {
      scores.push_back(values + (3 * k + 1) * kLossBlock);
      gradients.push_back(values + (3 * k + 2) * kLossBlock);
      hessians.push_back(values + (3 * k + 3) * kLossBlock);
    }
    std::vector<const double*> columns(of.target.columns.size());
    for (std::size_t first = begin; first < end; first += kLossBlock) {
      const std::size_t n = std::min(kLossBlock, end - first);
      LossRows rows{of.target.columns.data(), all_moved.data(), first, n};
      if (has_values) {
        for (std::size_t c = 0; c < columns.size(); ++c) columns[c] = of.target.columns[c] + first;
        for (std::size_t k = 0; k < n_outputs; ++k) {
          for (std::size_t i = 0; i < n; ++i) scores[k][i] = f.of(k)[first + i] + step * change.of(k)[first + i];
        }
        rows = {columns.data(), scores.data(), 0, n};
        of.loss.values(rows, values);
      }
      of.loss.derivatives(rows, gradients.data(), hessians.data());
      double sum = 0;
      double slope = 0;
      for (std::size_t i = 0; i < n; ++i) {
        const double w = of.weight(first + i);
        if (!(w > 0)) continue;
        sum += w * values[i];
        for (std::size_t k = 0; k < n_outputs; ++k) slope += w * gradients[k][i] * change.of(k)[first + i];
      }
      sums.of(part)[0] += sum;
      sums.of(part)[1] += slope;
    }
  });
  double totals[2];
  sums.add_up(totals);
  return {finite_or_infinite(totals[0] / total_weight_), totals[1] / total_weight_};
}

double Objective::block_derivatives(const RowColumns& f, std::size_t begin, std::size_t end, Curvature which,
                                    RowColumns& g, RowColumns& h) const {
  const profile::Scope scope(Phase::gradient, end - begin);
  const std::vector<const double*> scores = columns_of(f);
  const bool has_values = problem_.loss.info().has_values;
  const double unit = 1 / total_weight_;
  double values[kLossBlock] = {};
  double sum = 0;
  for (std::size_t first = begin; first < end; first += kLossBlock) {
    const std::size_t n = std::min(kLossBlock, end - first);
    const LossRows rows{problem_.target.columns.data(), scores.data(), first, n};
    const std::vector<double*> gradients = columns_at(g, first);
    const std::vector<double*> hessians = columns_at(h, first);
    if (has_values) problem_.loss.values(rows, values);
    if (which == Curvature::safe) {
      problem_.loss.steps(rows, gradients.data(), hessians.data());
    } else {
      problem_.loss.derivatives(rows, gradients.data(), hessians.data());
    }
    double of_block = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double w = problem_.weight(first + i);
      const bool counts = w > 0;  // rows of weight 0 do not exist, whatever their derivatives
      if (counts) of_block += w * values[i];
      for (std::size_t k = 0; k < g.n_outputs(); ++k) {
        gradients[k][i] = counts ? w * unit * gradients[k][i] : 0.0;
        hessians[k][i] = counts ? w * unit * (which == Curvature::unit ? 1.0 : std::max(0.0, hessians[k][i])) : 0.0;
      }
    }
    sum += of_block;
  }
  return sum / total_weight_;
}

void Objective::block_mixed_derivatives(const RowColumns& f, std::size_t begin, std::size_t end,
                                        RowColumns& mixed) const {
  const profile::Scope scope(Phase::gradient, end - begin);
  const std::vector<const double*> scores = columns_of(f);
  for (std::size_t first = begin; first < end; first += kLossBlock) {
    const std::size_t n = std::min(kLossBlock, end - first);
    const std::vector<double*> pairs = columns_at(mixed, first);
    problem_.loss.mixed_derivatives({problem_.target.columns.data(), scores.data(), first, n}, pairs.data());
    for (double* pair : pairs) {
      for (std::size_t i = 0; i < n; ++i) {
        const double w = problem_.weight(first + i);
        pair[i] = w > 0 ? w / total_weight_ * pair[i] : 0.0;
      }
    }
  }
}

double Objective::row_derivatives(const RowColumns& f, Curvature which, RowColumns& g, RowColumns& h) const {
  prepare_loss(f);
  PartialSums sums(n_parts_, 1);
  for_each_part([&](std::size_t part, std::size_t begin, std::size_t end) {
    *sums.of(part) = block_derivatives(f, begin, end, which, g, h);
  });
  double total = 0;
  sums.add_up(&total);
  return finite_or_infinite(total);
}

void Objective::add_block_gradient(const RowColumns& g, std::size_t output, std::size_t begin, std::size_t end,
                                   double* out) const {
  const std::size_t p = problem_.design.n_columns();
  const profile::Scope scope(Phase::product, (end - begin) * p);
  const double* r = g.of(output) + begin;
  problem_.design.transpose_times(begin, end, r, out);
  double sum = 0;
  for (std::size_t i = 0; i < end - begin; ++i) sum += r[i];
  out[p] += sum;
}

void Objective::loss_gradient(const RowColumns& g, Coefficients& gradient) const {
  const std::size_t p = gradient.n_columns;
  const std::size_t n_outputs = g.n_outputs();
  PartialSums sums(n_parts_, n_outputs * (p + 1));
  for_each_block([&](std::size_t part, std::size_t begin, std::size_t end) {
    for (std::size_t k = 0; k < n_outputs; ++k) {
      add_block_gradient(g, k, begin, end, sums.of(part) + k * (p + 1));
    }
  });
  std::vector<double> joined(n_outputs * (p + 1));
  sums.add_up(joined.data());
  for (std::size_t k = 0; k < n_outputs; ++k) {
    std::copy_n(joined.data() + k * (p + 1), p, gradient.of(k));
    gradient.intercepts[k] = joined[k * (p + 1) + p];
  }
}

double Objective::penalty(const Coefficients& at) const {
  double sum = 0;
  for (std::size_t k = 0; k < at.n_outputs(); ++k) {
    const double* b = at.of(k);
    for (std::size_t j = 0; j < at.n_columns; ++j) {
      sum += problem_.l1[j] * std::abs(b[j]) + 0.5 * problem_.l2[j] * b[j] * b[j];
    }
  }
  return sum;
}

double Objective::value(const Coefficients& at) const {
  RowColumns f(at.n_outputs(), problem_.design.n_rows());
  scores(at, f);
  return mean_loss(f) + penalty(at);
}

Objective::Parabola Objective::ridge_along(const Coefficients& at, const Coefficients& direction) const {
  Parabola found;
  for (std::size_t k = 0; k < at.n_outputs(); ++k) {
    const double* b = at.of(k);
    const double* d = direction.of(k);
    for (std::size_t j = 0; j < at.n_columns; ++j) {
      found.slope += problem_.l2[j] * b[j] * d[j];
      found.half_bend += 0.5 * problem_.l2[j] * d[j] * d[j];
    }
  }
  return found;
}

bool slopes_cancel(const RowColumns& g) {
  if (g.n_outputs() < 2) return false;
  for (std::size_t i = 0; i < g.n_rows(); ++i) {
    double sum = 0;
    double size = 0;
    for (std::size_t k = 0; k < g.n_outputs(); ++k) {
      sum += g.of(k)[i];
      size += std::abs(g.of(k)[i]);
    }
    if (!(std::abs(sum) <= 1e-12 * size)) return false;
  }
  return true;
}

}  // namespace curvature
