#include "boost/leaf_values.hpp"

#include <algorithm>
#include <cmath>

#include "base/profile.hpp"
#include "base/threads.hpp"
#include "loss/quantile.hpp"

namespace curvature {
namespace {

constexpr std::size_t kBlock = 512;
constexpr int kMostHalvings = 60;

// The step that minimises G v + H v^2 / 2 + lambda v^2 / 2 + alpha |v|: -T(G) / (H + lambda), T the soft threshold.
double newton_step(const LeafSum& sum, const TreeParams& params) {
  const double shrunk = std::max(std::abs(sum.gradient) - params.reg_alpha, 0.0);
  const double curvature = sum.hessian + params.reg_lambda;
  return curvature > 0 ? -std::copysign(shrunk, sum.gradient) / curvature : 0.0;
}

/// The rows of one leaf, copied together: its loss along one output's score.
class LeafLoss {
 public:
  LeafLoss(const Loss& loss, const TreeRows& rows, const RowIndex* members, std::size_t size, std::size_t output)
      : loss_(loss), size_(size), output_(output) {
    const LossTable& target = rows.all().target();
    for (const double* column : target.columns) columns_.push_back(gather(column, members));
    for (std::size_t k = 0; k < loss.info().n_outputs; ++k) scores_.push_back(gather(rows.all().scores()[k], members));
    if (target.weights) weights_ = gather(target.weights, members);
    moved_.resize(size);
    for (const auto& column : columns_) column_pointers_.push_back(column.data());
    for (const auto& scores : scores_) score_pointers_.push_back(scores.data());
    score_pointers_[output] = moved_.data();
    gradients_.resize(scores_.size() * kBlock);
    curvatures_.resize(scores_.size() * kBlock);
    for (std::size_t k = 0; k < scores_.size(); ++k) {
      gradient_pointers_.push_back(gradients_.data() + k * kBlock);
      curvature_pointers_.push_back(curvatures_.data() + k * kBlock);
    }
  }

  [[nodiscard]] double total_weight() const {
    double total = 0;
    for (std::size_t i = 0; i < size_; ++i) total += weight(i);
    return total;
  }

  LossChange change(double step) {
    std::vector<double> before(kBlock), after(kBlock);
    LossChange total;
    for (std::size_t at = 0; at < size_; at += kBlock) {
      const std::size_t n = std::min(kBlock, size_ - at);
      move(0, at, n);
      loss_.values(rows(at, n), before.data());
      move(step, at, n);
      loss_.values(rows(at, n), after.data());
      for (std::size_t i = 0; i < n; ++i) total.add(weight(at + i), before[i], after[i]);
    }
    return total;
  }

  // Sums below their own rounding are 0, so that whole weights and repeated rows agree on where a stretch is flat.
  double slope(double step) {
    constexpr double kRounding = 1e-13;
    double total = 0;
    double size = 0;
    for (std::size_t at = 0; at < size_; at += kBlock) {
      const std::size_t n = std::min(kBlock, size_ - at);
      move(step, at, n);
      loss_.steps(rows(at, n), gradient_pointers_.data(), curvature_pointers_.data());
      const double* gradients = gradient_pointers_[output_];
      for (std::size_t i = 0; i < n; ++i) {
        total += weight(at + i) * gradients[i];
        size += weight(at + i) * std::abs(gradients[i]);
      }
    }
    return std::abs(total) <= kRounding * size ? 0 : total;
  }

  // A step to where the slope is 0 or changes its sign: a bracket around it from the mean slope on, in or out by
  // sixteenths, so that any unit of y is found, and then by halves.
  double least() {
    const double at_zero = slope(0);
    if (at_zero == 0) return 0;
    const double side = at_zero < 0 ? 1.0 : -1.0;
    const auto downhill = [&](double step) { return slope(side * step) * side; };  // below 0 before the minimum
    constexpr double kFactor = 16;
    constexpr int kMostFactors = 250;
    double near = std::abs(at_zero) / total_weight();
    double far = near;
    for (int i = 0; i < kMostFactors && downhill(near) > 0; ++i) {
      far = near;
      near /= kFactor;
    }
    for (int i = 0; i < kMostFactors && downhill(far) < 0; ++i) {
      near = far;
      far *= kFactor;
    }
    while (far - near > 1e-12 * far) {
      const double middle = near + (far - near) / 2;
      if (middle == near || middle == far) break;  // neighbours, where numbers are at their least
      const double slope_there = downhill(middle);
      if (slope_there == 0) return side * middle;
      (slope_there < 0 ? near : far) = middle;
    }
    return side * (near + (far - near) / 2);
  }

 private:
  [[nodiscard]] std::vector<double> gather(const double* from, const RowIndex* members) const {
    std::vector<double> own(size_);
    for (std::size_t i = 0; i < size_; ++i) own[i] = from[members[i]];
    return own;
  }
  [[nodiscard]] double weight(std::size_t i) const { return weights_.empty() ? 1.0 : weights_[i]; }
  void move(double step, std::size_t at, std::size_t n) {
    for (std::size_t i = at; i < at + n; ++i) moved_[i] = scores_[output_][i] + step;
  }
  [[nodiscard]] LossRows rows(std::size_t at, std::size_t n) const {
    return {column_pointers_.data(), score_pointers_.data(), at, n};
  }

  const Loss& loss_;
  std::size_t size_;
  std::size_t output_;
  std::vector<std::vector<double>> columns_, scores_;
  std::vector<double> weights_, moved_, gradients_, curvatures_;
  std::vector<const double*> column_pointers_, score_pointers_;
  std::vector<double*> gradient_pointers_, curvature_pointers_;
};

// Halves the steps of those leaves whose loss would rise, until it does not.
void halve(const Loss& loss, const TreeRows& rows, std::size_t output, std::vector<double>& steps, int threads) {
  const std::vector<LossChange> changes = rows.changes(output, steps);
  if (std::none_of(changes.begin(), changes.end(), [](const LossChange& change) { return change.rises(); })) return;
  const TreeRows::LeafRows leaves = rows.by_leaf(steps.size());
  parallel_for(steps.size(), threads, [&](std::size_t leaf, int) {
    if (steps[leaf] == 0 || !changes[leaf].rises()) return;
    const std::size_t size = leaves.begin[leaf + 1] - leaves.begin[leaf];
    const profile::Scope scope(Phase::update, size);
    LeafLoss own(loss, rows, leaves.rows.data() + leaves.begin[leaf], size, output);
    for (int i = 0; i < kMostHalvings; ++i) {
      steps[leaf] /= 2;
      if (!own.change(steps[leaf]).rises()) return;
    }
    steps[leaf] = 0;
  });
}

LeafSum quantile_sum(const Loss& loss, const TreeRows& rows, const RowIndex* members, std::size_t size) {
  const LossInfo& info = loss.info();
  const double* y = rows.all().target().columns[0];
  const double* f = rows.all().scores()[0];
  const bool weighted = rows.all().target().weights != nullptr;
  std::vector<double> residuals(size), weights(weighted ? size : 0);
  double total = weighted ? 0 : static_cast<double>(size);
  for (std::size_t i = 0; i < size; ++i) {
    residuals[i] = y[members[i]] - f[members[i]];
    if (!weighted) continue;
    weights[i] = rows.all().weight(members[i]);
    total += weights[i];
  }
  const double best = weighted_quantile(residuals.data(), weighted ? weights.data() : nullptr, size,
                                        info.quantile_level, info.insensitive_width);
  return {-total * best, total};
}

LeafSum searched_sum(const Loss& loss, const TreeRows& rows, const RowIndex* members, std::size_t size,
                     std::size_t output) {
  LeafLoss own(loss, rows, members, size, output);
  const double total = own.total_weight();
  return {-total * own.least(), total};
}

std::vector<LeafSum> sums_by_the_loss(const Loss& loss, const TreeRows& rows, std::size_t n_leaves, std::size_t output,
                                      int threads) {
  const TreeRows::LeafRows leaves = rows.by_leaf(n_leaves);
  std::vector<LeafSum> sums(n_leaves);
  parallel_for(n_leaves, threads, [&](std::size_t leaf, int) {
    const std::size_t size = leaves.begin[leaf + 1] - leaves.begin[leaf];
    const profile::Scope scope(Phase::update, size);
    const RowIndex* members = leaves.rows.data() + leaves.begin[leaf];
    sums[leaf] = loss.info().leaf_rule_of(output) == LeafRule::quantile
                     ? quantile_sum(loss, rows, members, size)
                     : searched_sum(loss, rows, members, size, output);
  });
  return sums;
}

}  // namespace

std::vector<double> leaf_values(const Loss& loss, const TreeRows& rows, std::size_t n_leaves, std::size_t output,
                                const TreeParams& params, double learning_rate, int threads) {
  const LeafRule rule = loss.info().leaf_rule_of(output);
  const bool by_the_loss = rule == LeafRule::quantile || rule == LeafRule::searched;
  const std::vector<LeafSum> sums =
      by_the_loss ? sums_by_the_loss(loss, rows, n_leaves, output, threads) : rows.leaf_sums(output, n_leaves);
  std::vector<double> values(sums.size());
  for (std::size_t leaf = 0; leaf < sums.size(); ++leaf) {
    values[leaf] = learning_rate * newton_step(sums[leaf], params);
  }
  if (rule == LeafRule::halved || rule == LeafRule::searched) {
    halve(loss, rows, output, values, threads);
  }
  return values;
}

}  // namespace curvature
