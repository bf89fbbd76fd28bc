#include "boost/tree_rows.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/profile.hpp"
#include "base/threads.hpp"

namespace curvature {
namespace {

constexpr double kNearestRows = 65536;  // total weight up to which gradients are rounded to nearest

// The least power of two s with total / s <= room; 1 where there is nothing to measure.
double power_of_two_step(double total, double room) {
  if (!(total > 0) || !std::isfinite(total)) return 1;
  constexpr double kLeastExponent = -1022;  // the step and its reciprocal stay normal
  double step = std::exp2(std::max(std::ceil(std::log2(total / room)), kLeastExponent));
  if (total / step > room) step *= 2;  // log2 may err by a rounding
  return step;
}

// Indices of tree.leaves, neighbours in the tree side by side.
std::vector<std::size_t> leaves_from_left_to_right(const GrownTree& tree) {
  std::vector<std::size_t> leaf_of_node(tree.nodes.size());
  for (std::size_t leaf = 0; leaf < tree.leaves.size(); ++leaf) {
    leaf_of_node[static_cast<std::size_t>(tree.leaves[leaf].node)] = leaf;
  }
  std::vector<std::size_t> order;
  std::vector<std::int32_t> ahead{0};
  while (!ahead.empty()) {
    const auto node = static_cast<std::size_t>(ahead.back());
    ahead.pop_back();
    if (tree.nodes.feature[node] == kLeaf) {
      order.push_back(leaf_of_node[node]);
    } else {
      ahead.push_back(tree.nodes.left[node] + 1);
      ahead.push_back(tree.nodes.left[node]);
    }
  }
  return order;
}

}  // namespace

TreeRows::TreeRows(RowState& rows) : rows_(rows), n_rows_(rows.target().n_rows) {}

void TreeRows::use(Cell* pairs) {
  pairs_ = pairs;
  leaves_ = reinterpret_cast<LeafNumber*>(pairs);
}

DerivativeTotals TreeRows::quantize_on(const QuantizationScale& scale, std::size_t output, std::uint64_t key,
                                       Phase phase, bool known) {
  std::vector<DerivativeTotals> partial((n_rows_ + RowState::kPass - 1) / RowState::kPass);
  rows_.for_each_block(output, phase, known, [&](std::size_t at, std::size_t n, const RowState::Block& block, int) {
    kernel::QuantizeTask task = rows_.quantize_task(block, at, n);
    task.key = key;
    task.scale = scale;
    Cell own[RowState::kBlock];
    task.pairs = places_.empty() ? pairs_ + at : own;
    task.totals = known ? nullptr : &partial[at / RowState::kPass];
    kernel::quantize_table().quantize(task);
    if (places_.empty()) return;
    for (std::size_t i = 0; i < n; ++i) pairs_[places_[at + i]] = own[i];
  });
  DerivativeTotals totals;
  for (const DerivativeTotals& part : partial) totals += part;
  return totals;
}

QuantizationScale TreeRows::scale_for(const DerivativeTotals& totals, const RowState::Weights& weights) {
  // Room for all units together, less what rounding may add: half a unit a weight to nearest, one a row otherwise.
  constexpr double kMost = 2147483647.0;
  const auto n_weighted = static_cast<double>(weights.n_positive);
  QuantizationScale scale;
  scale.stochastic = std::max(weights.total, n_weighted) > kNearestRows;
  const double rounding =
      (scale.stochastic ? 0 : weights.total) + (scale.stochastic || !weights.all_whole ? n_weighted : 0);
  scale.gradient = power_of_two_step(totals.gradient, kMost - rounding);
  scale.hessian = power_of_two_step(totals.hessian, kMost - rounding);
  return scale;
}

QuantizationScale TreeRows::quantize(std::size_t output, std::uint64_t key) {
  if (own_.empty()) own_ = AlignedBuffer<Cell>(n_rows_);
  use(own_.data());
  if (rows_.n_outputs() > 1) {
    total_ = rows_.totals(output);
    const QuantizationScale scale = scale_for(total_, rows_.weights());
    quantize_on(scale, output, key, Phase::quantize, true);
    return in_own_unit(scale, output);
  }
  // The totals that the scale must hold are known behind the pass only; but powers of two are seldom others than those
  // of the last tree, and where they are the pass is made once more.
  total_ = quantize_on(last_scale_, output, key, Phase::gradient, false);
  const QuantizationScale scale = scale_for(total_, rows_.weights());
  if (!(scale == last_scale_)) quantize_on(scale, output, key, Phase::quantize, true);
  last_scale_ = scale;
  return in_own_unit(scale, output);
}

QuantizationScale TreeRows::borrow(std::size_t output, Cell* pairs) {
  use(pairs);
  total_ = rows_.totals(output);
  return in_own_unit(scale_for(total_, rows_.weights()), output);
}

QuantizationScale TreeRows::in_own_unit(QuantizationScale scale, std::size_t output) {
  // Such a score has no unit of its own: y in another unit must give the same trees.
  const bool has_own_unit = !rows_.loss().info().is_in_unit_of_y(output) || rows_.loss().info().unit_curvature;
  unit_ = has_own_unit || !(total_.hessian > 0) ? 1.0 : total_.hessian / rows_.weights().total;
  scale.gradient /= unit_;
  scale.hessian /= unit_;
  return scale;
}

bool TreeRows::finite() const { return std::isfinite(total_.gradient) && std::isfinite(total_.hessian); }

std::optional<std::size_t> TreeRows::row_not_finite(std::size_t output) const {
  std::vector<std::optional<std::size_t>> found((n_rows_ + RowState::kPass - 1) / RowState::kPass);
  rows_.for_each_block(output, Phase::gradient, true,
                       [&](std::size_t at, std::size_t n, const RowState::Block& block, int) {
                         for (std::size_t i = 0; i < n && !found[at / RowState::kPass]; ++i) {
                           if (!std::isfinite(block.gradients[i]) || !std::isfinite(block.hessians[i]))
                             found[at / RowState::kPass] = at + i;
                         }
                       });
  const auto first = std::find_if(found.begin(), found.end(), [](const auto& row) { return row.has_value(); });
  return first == found.end() ? std::nullopt : *first;
}

void TreeRows::assign_leaves(GrownTree& tree, Grower& grower) {
  auto* const by_place = reinterpret_cast<LeafNumber*>(pairs_);
  if (rows_.weights().n_positive < n_rows_) std::fill_n(by_place, n_rows_, LeafNumber{0});
  leaves_ = by_place;
  if (grower.is_sampled()) return grower.send_rows(tree, by_place);
  parallel_for(tree.leaves.size(), rows_.threads(), [&](std::size_t leaf, int) {
    const RowSegment segment = tree.leaves[leaf].rows;
    const profile::Scope scope(Phase::update, 0);
    const RowIndex* rows = grower.rows(segment);
    for (std::size_t i = 0; i < segment.size; ++i) by_place[rows[i]] = static_cast<LeafNumber>(leaf);
  });
  if (places_.empty()) return;
  leaves_ += n_rows_;
  parallel_ranges(n_rows_, RowState::kPass, rows_.threads(), [&](std::size_t begin, std::size_t end, int) {
    const profile::Scope scope(Phase::update, 0);
    for (std::size_t row = begin; row < end; ++row) leaves_[row] = by_place[places_[row]];
  });
}

void TreeRows::cluster(const GrownTree& tree, const Grower& grower, BinnedMatrix& matrix) {
  places_ = AlignedBuffer<RowIndex>(n_rows_);
  std::vector<std::size_t> begin(tree.leaves.size());
  std::size_t n_placed = 0;
  for (const std::size_t leaf : leaves_from_left_to_right(tree)) {
    begin[leaf] = n_placed;
    n_placed += tree.leaves[leaf].rows.size;
  }
  parallel_for(tree.leaves.size(), rows_.threads(), [&](std::size_t leaf, int) {
    const RowIndex* rows = grower.rows(tree.leaves[leaf].rows);
    for (std::size_t i = 0; i < tree.leaves[leaf].rows.size; ++i) {
      places_[rows[i]] = static_cast<RowIndex>(begin[leaf] + i);
    }
  });
  matrix.reorder(places_.data(), pairs_, rows_.threads());
}

std::vector<LeafSum> TreeRows::leaf_sums(std::size_t output, std::size_t n_leaves) const {
  constexpr double kRoom = 0x1p62;
  const double gradient_step = power_of_two_step(total_.gradient, kRoom);
  const double hessian_step = power_of_two_step(total_.hessian, kRoom);
  const double per_gradient = 1 / gradient_step;
  const double per_hessian = 1 / hessian_step;
  constexpr std::size_t kLists = 4;
  struct Sum {
    std::int64_t gradient = 0;
    std::int64_t hessian = 0;
  };
  std::vector<std::vector<Sum>> by_worker(static_cast<std::size_t>(std::max(rows_.threads(), 1)));
  rows_.for_each_block(
      output, Phase::update, true, [&](std::size_t at, std::size_t n, const RowState::Block& block, int worker) {
        std::vector<Sum>& sums = by_worker[static_cast<std::size_t>(worker)];
        sums.resize(kLists * n_leaves);
        const LeafNumber* const leaves = leaves_ + at;
        const auto add_rows = [&](auto weight_of) {
          // Neighbours add to lists of their own, so that those of one leaf need not wait for each other.
          const auto add_row = [&](Sum* own, std::size_t i) {
            Sum& sum = own[leaves[i]];
            sum.gradient += static_cast<std::int64_t>(block.gradients[i] * weight_of(i) * per_gradient);
            sum.hessian += static_cast<std::int64_t>(block.hessians[i] * weight_of(i) * per_hessian);
          };
          Sum* const first = sums.data();
          std::size_t i = 0;
          for (; i + kLists <= n; i += kLists) {
            for (std::size_t list = 0; list < kLists; ++list) add_row(first + list * n_leaves, i + list);
          }
          for (; i < n; ++i) add_row(first, i);
        };
        if (const double* weights = rows_.target().weights) {
          add_rows([w = weights + at](std::size_t i) { return w[i]; });
        } else {
          add_rows([](std::size_t) { return 1.0; });
        }
      });
  std::vector<LeafSum> sums(n_leaves);
  for (std::size_t leaf = 0; leaf < n_leaves; ++leaf) {
    Sum total;
    for (const std::vector<Sum>& own : by_worker) {
      if (own.empty()) continue;
      for (std::size_t list = 0; list < kLists; ++list) {
        total.gradient += own[list * n_leaves + leaf].gradient;
        total.hessian += own[list * n_leaves + leaf].hessian;
      }
    }
    sums[leaf] = {static_cast<double>(total.gradient) * gradient_step / unit_,
                  static_cast<double>(total.hessian) * hessian_step / unit_};
  }
  return sums;
}

TreeRows::LeafRows TreeRows::by_leaf(std::size_t n_leaves) const {
  LeafRows sorted;
  sorted.begin.assign(n_leaves + 1, 0);
  for (std::size_t row = 0; row < n_rows_; ++row) sorted.begin[leaves_[row] + 1] += rows_.weight(row) > 0;
  std::partial_sum(sorted.begin.begin(), sorted.begin.end(), sorted.begin.begin());
  sorted.rows.resize(sorted.begin.back());
  std::vector<std::size_t> next(sorted.begin);
  for (std::size_t row = 0; row < n_rows_; ++row) {
    if (rows_.weight(row) > 0) sorted.rows[next[leaves_[row]]++] = static_cast<RowIndex>(row);
  }
  return sorted;
}

std::vector<LossChange> TreeRows::changes(std::size_t output, const std::vector<double>& steps) const {
  const std::size_t per_part = rows_.rows_a_part();
  std::vector<std::vector<LossChange>> parts((n_rows_ + per_part - 1) / per_part);
  parallel_ranges(n_rows_, per_part, rows_.threads(), [&](std::size_t begin, std::size_t end, int) {
    const profile::Scope scope(Phase::update, end - begin);
    std::vector<LossChange>& part = parts[begin / per_part];
    part.resize(steps.size());
    std::vector<const double*> columns(rows_.target().columns);
    std::vector<const double*> scores(rows_.n_outputs());
    double before[RowState::kBlock], after[RowState::kBlock], moved[RowState::kBlock];
    for (std::size_t at = begin; at < end; at += RowState::kBlock) {
      const std::size_t n = std::min(RowState::kBlock, end - at);
      for (std::size_t j = 0; j < columns.size(); ++j) columns[j] = rows_.target().columns[j] + at;
      for (std::size_t k = 0; k < rows_.n_outputs(); ++k) scores[k] = rows_.scores()[k] + at;
      rows_.loss().values({columns.data(), scores.data(), 0, n}, before);
      for (std::size_t i = 0; i < n; ++i) moved[i] = scores[output][i] + steps[leaves_[at + i]];
      scores[output] = moved;
      rows_.loss().values({columns.data(), scores.data(), 0, n}, after);
      for (std::size_t i = 0; i < n; ++i) {
        if (rows_.weight(at + i) > 0) part[leaves_[at + i]].add(rows_.weight(at + i), before[i], after[i]);
      }
    }
  });
  std::vector<LossChange> total(steps.size());
  for (const std::vector<LossChange>& part : parts) {
    for (std::size_t leaf = 0; leaf < total.size(); ++leaf) total[leaf] = total[leaf] + part[leaf];
  }
  return total;
}

}  // namespace curvature
