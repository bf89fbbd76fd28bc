#include "boost/row_state.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "base/profile.hpp"
#include "base/threads.hpp"

namespace curvature {
namespace {

constexpr std::size_t kPass = 8192;  // rows a task; partial sums are added in the order of tasks
constexpr std::size_t kBlock = 512;  // rows whose derivatives stay in L1
constexpr std::size_t kRowsWorthATeam = 16384;
constexpr double kNearestRows = 65536;  // total weight up to which gradients are rounded to nearest

// The least power of two s with total / s <= room; 1 where there is nothing to measure.
double power_of_two_step(double total, double room) {
  if (!(total > 0) || !std::isfinite(total)) return 1;
  constexpr double kLeastExponent = -1022;  // the step and its reciprocal stay normal
  double step = std::exp2(std::max(std::ceil(std::log2(total / room)), kLeastExponent));
  if (total / step > room) step *= 2;  // log2 may err by a rounding
  return step;
}

// Sums in double go over a fixed number of parts, whatever the threads, added in their order.
std::size_t rows_a_part(std::size_t n_rows) {
  constexpr std::size_t kMostParts = 64;
  return std::max(kPass, (n_rows / kMostParts / kBlock + 1) * kBlock);
}

}  // namespace

/// Derivatives of an output for some rows.
struct RowState::Block {
  const double* gradients;
  const double* hessians;
};

RowState::RowState(Loss& loss, const LossTable& target, int threads)
    : loss_(loss),
      target_(target),
      n_rows_(target.n_rows),
      n_outputs_(loss.info().n_outputs),
      threads_(n_rows_ < kRowsWorthATeam ? 1 : threads),
      scores_(n_rows_ * n_outputs_),
      round_start_(n_outputs_ > 1 && loss.info().leaf_rule != LeafRule::newton ? n_rows_ * n_outputs_ : 0),
      derivatives_(n_outputs_ > 1 ? 2 * n_rows_ * n_outputs_ : 0),
      pairs_(n_rows_),
      leaves_(reinterpret_cast<LeafNumber*>(pairs_.data())),
      scales_(n_outputs_) {
  for (std::size_t k = 0; k < n_outputs_; ++k) {
    score_columns_.push_back(scores_.data() + k * n_rows_);
    start_columns_.push_back((round_start_.empty() ? scores_ : round_start_).data() + k * n_rows_);
  }
  for (std::size_t row = 0; row < n_rows_; ++row) {
    total_weight_ += weight(row);
    n_weighted_ += weight(row) > 0;
    integer_weights_ = integer_weights_ && weight(row) == std::floor(weight(row));
  }
}

void RowState::start(const std::vector<double>& scores) {
  for (std::size_t k = 0; k < n_outputs_; ++k) {
    std::fill_n(score_columns_[k], n_rows_, scores[k]);
    if (target_.offsets.empty()) continue;
    for (std::size_t row = 0; row < n_rows_; ++row) score_columns_[k][row] += target_.offsets[k][row];
  }
}

void RowState::begin_round() {
  loss_.prepare(score_columns_.data(), n_rows_);
  if (n_outputs_ == 1) return;
  parallel_ranges(n_rows_, kPass, threads_, [&](std::size_t begin, std::size_t end, int) {
    const profile::Scope scope(Phase::gradient, end - begin);
    if (!round_start_.empty()) {
      for (std::size_t k = 0; k < n_outputs_; ++k) {
        std::copy(score_columns_[k] + begin, score_columns_[k] + end, start_columns_[k] + begin);
      }
    }
    std::vector<double*> gradients(n_outputs_), hessians(n_outputs_);
    for (std::size_t at = begin; at < end; at += kBlock) {
      for (std::size_t k = 0; k < n_outputs_; ++k) {
        gradients[k] = derivatives_.data() + k * n_rows_ + at;
        hessians[k] = gradients[k] + n_outputs_ * n_rows_;
      }
      const std::size_t size = std::min(kBlock, end - at);
      loss_.steps({target_.columns.data(), score_columns_.data(), at, size}, gradients.data(), hessians.data());
    }
  });
}

// Calls visit(first row, rows, derivatives, worker) block by block; the blocks of one stretch of kPass rows in order.
template <class Visit>
void RowState::for_each_block(std::size_t output, Phase phase, Visit&& visit) const {
  parallel_ranges(n_rows_, kPass, threads_, [&](std::size_t begin, std::size_t end, int worker) {
    const profile::Scope scope(phase, end - begin);
    double gradients[kBlock], hessians[kBlock];
    double* const gradients_at = gradients;
    double* const hessians_at = hessians;
    for (std::size_t at = begin; at < end; at += kBlock) {
      const std::size_t n = std::min(kBlock, end - at);
      if (n_outputs_ > 1) {
        const double* stored = derivatives_.data() + output * n_rows_ + at;
        visit(at, n, Block{stored, stored + n_outputs_ * n_rows_}, worker);
      } else {
        loss_.steps({target_.columns.data(), score_columns_.data(), at, n}, &gradients_at, &hessians_at);
        visit(at, n, Block{gradients, hessians}, worker);
      }
    }
  });
}

DerivativeTotals RowState::quantize_on(const QuantizationScale& scale, std::size_t output, std::uint64_t key,
                                       Phase phase) {
  std::vector<DerivativeTotals> partial((n_rows_ + kPass - 1) / kPass);
  for_each_block(output, phase, [&](std::size_t at, std::size_t n, const Block& block, int) {
    kernel::QuantizeTask task;
    task.gradients = block.gradients;
    task.hessians = block.hessians;
    task.weights = target_.weights ? target_.weights + at : nullptr;
    task.n_rows = n;
    task.first_row = at;
    task.key = key;
    task.scale = scale;
    task.pairs = pairs_.data() + at;
    task.totals = &partial[at / kPass];
    kernel::quantize_table().quantize(task);
  });
  DerivativeTotals totals;
  for (const DerivativeTotals& part : partial) {
    totals.gradient += part.gradient;
    totals.hessian += part.hessian;
  }
  return totals;
}

QuantizationScale RowState::quantize(std::size_t output, std::uint64_t key) {
  // The totals that the scale must hold are known behind the pass only; but powers of two are seldom others than those
  // of the last round, and where they are the pass is made once more.
  const QuantizationScale guess = scales_[output];
  total_ = quantize_on(guess, output, key, n_outputs_ > 1 ? Phase::quantize : Phase::gradient);

  // Room for all units together, less what rounding may add: half a unit a weight to nearest, one a row otherwise.
  constexpr double kMost = 2147483647.0;
  const auto n_weighted = static_cast<double>(n_weighted_);
  QuantizationScale scale;
  scale.stochastic = std::max(total_weight_, n_weighted) > kNearestRows;
  const double rounding =
      (scale.stochastic ? 0 : total_weight_) + (scale.stochastic || !integer_weights_ ? n_weighted : 0);
  scale.gradient = power_of_two_step(total_.gradient, kMost - rounding);
  scale.hessian = power_of_two_step(total_.hessian, kMost - rounding);
  if (!(scale == guess)) quantize_on(scale, output, key, Phase::quantize);
  scales_[output] = scale;

  // Such a score has no unit of its own: y in another unit must give the same trees.
  const bool has_own_unit = !loss_.info().is_in_unit_of_y(output) || loss_.info().unit_curvature;
  unit_ = has_own_unit || !(total_.hessian > 0) ? 1.0 : total_.hessian / total_weight_;
  scale.gradient /= unit_;
  scale.hessian /= unit_;
  return scale;
}

bool RowState::finite() const { return std::isfinite(total_.gradient) && std::isfinite(total_.hessian); }

std::optional<std::size_t> RowState::row_not_finite(std::size_t output) const {
  std::vector<std::optional<std::size_t>> found((n_rows_ + kPass - 1) / kPass);
  for_each_block(output, Phase::gradient, [&](std::size_t at, std::size_t n, const Block& block, int) {
    for (std::size_t i = 0; i < n && !found[at / kPass]; ++i) {
      if (!std::isfinite(block.gradients[i]) || !std::isfinite(block.hessians[i])) found[at / kPass] = at + i;
    }
  });
  const auto first = std::find_if(found.begin(), found.end(), [](const auto& row) { return row.has_value(); });
  return first == found.end() ? std::nullopt : *first;
}

void RowState::assign_leaves(const GrownTree& tree, const Grower& grower) {
  if (n_weighted_ < n_rows_) std::fill_n(leaves_, n_rows_, LeafNumber{0});
  parallel_for(tree.leaves.size(), threads_, [&](std::size_t leaf, int) {
    const RowSegment segment = tree.leaves[leaf].rows;
    const profile::Scope scope(Phase::update, 0);
    const RowIndex* rows = grower.rows(segment);
    for (std::size_t i = 0; i < segment.size; ++i) leaves_[rows[i]] = static_cast<LeafNumber>(leaf);
  });
}

std::vector<LeafSum> RowState::leaf_sums(std::size_t output, std::size_t n_leaves) const {
  constexpr double kRoom = 0x1p62;
  const double gradient_step = power_of_two_step(total_.gradient, kRoom);
  const double hessian_step = power_of_two_step(total_.hessian, kRoom);
  const double per_gradient = 1 / gradient_step;
  const double per_hessian = 1 / hessian_step;
  struct Sum {
    std::int64_t gradient = 0;
    std::int64_t hessian = 0;
  };
  std::vector<std::vector<Sum>> by_worker(static_cast<std::size_t>(std::max(threads_, 1)));
  for_each_block(output, Phase::update, [&](std::size_t at, std::size_t n, const Block& block, int worker) {
    std::vector<Sum>& sums = by_worker[static_cast<std::size_t>(worker)];
    sums.resize(n_leaves);
    for (std::size_t i = 0; i < n; ++i) {
      Sum& sum = sums[leaves_[at + i]];
      sum.gradient += static_cast<std::int64_t>(block.gradients[i] * weight(at + i) * per_gradient);
      sum.hessian += static_cast<std::int64_t>(block.hessians[i] * weight(at + i) * per_hessian);
    }
  });
  std::vector<LeafSum> sums(n_leaves);
  for (std::size_t leaf = 0; leaf < n_leaves; ++leaf) {
    Sum total;
    for (const std::vector<Sum>& own : by_worker) {
      if (own.empty()) continue;
      total.gradient += own[leaf].gradient;
      total.hessian += own[leaf].hessian;
    }
    sums[leaf] = {static_cast<double>(total.gradient) * gradient_step / unit_,
                  static_cast<double>(total.hessian) * hessian_step / unit_};
  }
  return sums;
}

RowState::LeafRows RowState::rows_by_leaf(std::size_t n_leaves) const {
  LeafRows sorted;
  sorted.begin.assign(n_leaves + 1, 0);
  for (std::size_t row = 0; row < n_rows_; ++row) sorted.begin[leaves_[row] + 1] += weight(row) > 0;
  std::partial_sum(sorted.begin.begin(), sorted.begin.end(), sorted.begin.begin());
  sorted.rows.resize(sorted.begin.back());
  std::vector<std::size_t> next(sorted.begin);
  for (std::size_t row = 0; row < n_rows_; ++row) {
    if (weight(row) > 0) sorted.rows[next[leaves_[row]]++] = static_cast<RowIndex>(row);
  }
  return sorted;
}

std::vector<LossChange> RowState::changes(std::size_t output, const std::vector<double>& steps) const {
  const std::size_t per_part = rows_a_part(n_rows_);
  std::vector<std::vector<LossChange>> parts((n_rows_ + per_part - 1) / per_part);
  parallel_ranges(n_rows_, per_part, threads_, [&](std::size_t begin, std::size_t end, int) {
    const profile::Scope scope(Phase::update, end - begin);
    std::vector<LossChange>& part = parts[begin / per_part];
    part.resize(steps.size());
    std::vector<const double*> columns(target_.columns);
    std::vector<const double*> scores(n_outputs_);
    double before[kBlock], after[kBlock], moved[kBlock];
    for (std::size_t at = begin; at < end; at += kBlock) {
      const std::size_t n = std::min(kBlock, end - at);
      for (std::size_t j = 0; j < columns.size(); ++j) columns[j] = target_.columns[j] + at;
      for (std::size_t k = 0; k < n_outputs_; ++k) scores[k] = start_columns_[k] + at;
      loss_.values({columns.data(), scores.data(), 0, n}, before);
      for (std::size_t i = 0; i < n; ++i) moved[i] = scores[output][i] + steps[leaves_[at + i]];
      scores[output] = moved;
      loss_.values({columns.data(), scores.data(), 0, n}, after);
      for (std::size_t i = 0; i < n; ++i) {
        if (weight(at + i) > 0) part[leaves_[at + i]].add(weight(at + i), before[i], after[i]);
      }
    }
  });
  std::vector<LossChange> total(steps.size());
  for (const std::vector<LossChange>& part : parts) {
    for (std::size_t leaf = 0; leaf < total.size(); ++leaf) total[leaf] = total[leaf] + part[leaf];
  }
  return total;
}

LossChange RowState::change_of_round() const {
  const std::size_t per_part = rows_a_part(n_rows_);
  std::vector<LossChange> parts((n_rows_ + per_part - 1) / per_part);
  parallel_ranges(n_rows_, per_part, threads_, [&](std::size_t begin, std::size_t end, int) {
    const profile::Scope scope(Phase::update, end - begin);
    double before[kBlock], after[kBlock];
    for (std::size_t at = begin; at < end; at += kBlock) {
      const std::size_t n = std::min(kBlock, end - at);
      loss_.values({target_.columns.data(), start_columns_.data(), at, n}, before);
      loss_.values({target_.columns.data(), score_columns_.data(), at, n}, after);
      for (std::size_t i = 0; i < n; ++i) {
        if (weight(at + i) > 0) parts[begin / per_part].add(weight(at + i), before[i], after[i]);
      }
    }
  });
  return std::accumulate(parts.begin(), parts.end(), LossChange{}, std::plus<>{});
}

double RowState::hold_round() {
  if (round_start_.empty()) return 1;
  constexpr int kMostHalvings = 30;
  double left = 1;
  for (int i = 0; i <= kMostHalvings && change_of_round().rises(); ++i) {
    const double factor = i < kMostHalvings ? 0.5 : 0.0;
    left *= factor;
    for (std::size_t j = 0; j < n_rows_ * n_outputs_; ++j) {
      scores_[j] = round_start_[j] + factor * (scores_[j] - round_start_[j]);
    }
  }
  return left;
}

void RowState::add(std::size_t output, const std::vector<double>& values) {
  double* scores = score_columns_[output];
  parallel_ranges(n_rows_, kPass, threads_, [&](std::size_t begin, std::size_t end, int) {
    const profile::Scope scope(Phase::update, 0);
    for (std::size_t i = begin; i < end; ++i) scores[i] += values[leaves_[i]];
  });
}

}  // namespace curvature
