#include "boost/row_state.hpp"

#include <algorithm>
#include <cmath>

#include "base/profile.hpp"
#include "base/threads.hpp"

namespace curvature {
namespace {

constexpr std::size_t kPass = 8192;  // rows a task; partial sums are added in the order of tasks
constexpr std::size_t kBlock = 512;  // rows whose derivatives stay in L1
constexpr std::size_t kRowsWorthATeam = 16384;
constexpr double kNearestRows = 65536;  // total weight up to which gradients are rounded to nearest

struct Block {
  double gradients[kBlock];
  double hessians[kBlock];
};

struct Totals {
  double gradient = 0;
  double hessian = 0;
};

// The least power of two s with total / s <= room; 1 where there is nothing to measure.
double power_of_two_step(double total, double room) {
  if (!(total > 0) || !std::isfinite(total)) return 1;
  constexpr double kLeastExponent = -1022;  // the step and its reciprocal stay normal
  double step = std::exp2(std::max(std::ceil(std::log2(total / room)), kLeastExponent));
  if (total / step > room) step *= 2;  // log2 may err by a rounding
  return step;
}

}  // namespace

RowState::RowState(const Loss& loss, const double* y, const double* weights, std::size_t n_rows, int threads)
    : loss_(loss),
      y_(y),
      weights_(weights),
      n_rows_(n_rows),
      threads_(n_rows < kRowsWorthATeam ? 1 : threads),
      scores_(n_rows),
      pairs_(n_rows) {
  for (std::size_t row = 0; row < n_rows; ++row) {
    total_weight_ += weight(row);
    n_weighted_ += weight(row) > 0;
    integer_weights_ = integer_weights_ && weight(row) == std::floor(weight(row));
  }
}

void RowState::start(double score) { std::fill_n(scores_.data(), n_rows_, score); }

// Calls visit(first row, rows, derivatives, worker) block by block; the blocks of one stretch of kPass rows in order.
template <class Visit>
void RowState::for_each_block(Phase phase, Visit&& visit) const {
  parallel_ranges(n_rows_, kPass, threads_, [&](std::size_t begin, std::size_t end, int worker) {
    const profile::Scope scope(phase, end - begin);
    Block block;
    for (std::size_t at = begin; at < end; at += kBlock) {
      const std::size_t n = std::min(kBlock, end - at);
      loss_.derivatives(y_ + at, scores_.data() + at, block.gradients, block.hessians, n);
      visit(at, n, block, worker);
    }
  });
}

QuantizationScale RowState::quantize(std::uint64_t key) {
  // First pass: the totals that the scale must hold.
  std::vector<Totals> partial((n_rows_ + kPass - 1) / kPass);
  for_each_block(Phase::gradient, [&](std::size_t at, std::size_t n, const Block& block, int) {
    Totals& totals = partial[at / kPass];
    for (std::size_t i = 0; i < n; ++i) {
      totals.gradient += weight(at + i) * std::abs(block.gradients[i]);
      totals.hessian += weight(at + i) * block.hessians[i];
    }
  });
  total_gradient_ = total_hessian_ = 0;
  for (const Totals& totals : partial) {
    total_gradient_ += totals.gradient;
    total_hessian_ += totals.hessian;
  }

  // Room for all units together, less what rounding may add: half a unit a weight to nearest, one a row otherwise.
  constexpr double kMost = 2147483647.0;
  const auto n_weighted = static_cast<double>(n_weighted_);
  QuantizationScale scale;
  scale.stochastic = std::max(total_weight_, n_weighted) > kNearestRows;
  const double rounding =
      (scale.stochastic ? 0 : total_weight_) + (scale.stochastic || !integer_weights_ ? n_weighted : 0);
  scale.gradient = power_of_two_step(total_gradient_, kMost - rounding);
  scale.hessian = power_of_two_step(total_hessian_, kMost - rounding);

  // Second pass: the same derivatives once more, as integers. Computing them twice costs less than storing them.
  for_each_block(Phase::quantize, [&](std::size_t at, std::size_t n, const Block& block, int) {
    kernel::QuantizeTask task;
    task.gradients = block.gradients;
    task.hessians = block.hessians;
    task.weights = weights_ ? weights_ + at : nullptr;
    task.n_rows = n;
    task.first_row = at;
    task.key = key;
    task.scale = scale;
    task.pairs = pairs_.data() + at;
    kernel::quantize_table().quantize(task);
  });
  return scale;
}

bool RowState::finite() const { return std::isfinite(total_gradient_) && std::isfinite(total_hessian_); }

void RowState::assign_leaves(const GrownTree& tree, const Grower& grower) {
  parallel_for(tree.leaves.size(), threads_, [&](std::size_t leaf, int) {
    const RowSegment segment = tree.leaves[leaf].rows;
    const profile::Scope scope(Phase::update, 0);
    const RowIndex* rows = grower.rows(segment);
    for (std::size_t i = 0; i < segment.size; ++i) pairs_[rows[i]] = leaf;
  });
}

std::vector<LeafSum> RowState::leaf_sums(std::size_t n_leaves) const {
  constexpr double kRoom = 0x1p62;
  const double gradient_step = power_of_two_step(total_gradient_, kRoom);
  const double hessian_step = power_of_two_step(total_hessian_, kRoom);
  const double per_gradient = 1 / gradient_step;
  const double per_hessian = 1 / hessian_step;
  struct Sum {
    std::int64_t gradient = 0;
    std::int64_t hessian = 0;
  };
  std::vector<std::vector<Sum>> by_worker(static_cast<std::size_t>(std::max(threads_, 1)));
  for_each_block(Phase::update, [&](std::size_t at, std::size_t n, const Block& block, int worker) {
    std::vector<Sum>& sums = by_worker[static_cast<std::size_t>(worker)];
    sums.resize(n_leaves);
    for (std::size_t i = 0; i < n; ++i) {
      Sum& sum = sums[pairs_[at + i]];
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
    sums[leaf] = {static_cast<double>(total.gradient) * gradient_step,
                  static_cast<double>(total.hessian) * hessian_step};
  }
  return sums;
}

void RowState::add(const std::vector<double>& values) {
  parallel_ranges(n_rows_, kPass, threads_, [&](std::size_t begin, std::size_t end, int) {
    const profile::Scope scope(Phase::update, 0);
    for (std::size_t i = begin; i < end; ++i) scores_[i] += values[pairs_[i]];
  });
}

}  // namespace curvature
