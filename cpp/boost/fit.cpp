#include "boost/fit.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/processors.hpp"
#include "base/random.hpp"
#include "base/threads.hpp"
#include "boost/row_state.hpp"
#include "data/bin_mapper.hpp"
#include "data/binned_matrix.hpp"
#include "loss/loss.hpp"
#include "tree/grower.hpp"

namespace curvature {
namespace {

void check_target(const Table& table, const Target& target, const Loss& loss) {
  const Domain domain = loss.domain();
  double total_weight = 0;
  double total = 0;  // of w |y|
  for (std::size_t row = 0; row < table.n_rows; ++row) {
    if (!(target.y[row] >= domain.low && target.y[row] <= domain.high)) {
      throw InputError(sentence("y[", row, "]=", target.y[row], " must be in [", domain.low, ", ", domain.high,
                                "] for loss='", loss.name(), "'."));
    }
    total += std::abs(target.y[row]) * (target.weights ? target.weights[row] : 1.0);
    if (!target.weights) continue;
    if (!(target.weights[row] >= 0 && std::isfinite(target.weights[row]))) {
      throw InputError(sentence("sample_weight[", row, "]=", target.weights[row], " must be at least 0 and finite."));
    }
    total_weight += target.weights[row];
  }
  if (target.weights && !(total_weight > 0)) throw InputError("sample_weight must not be 0 for every row.");
  // Within these, sums, their squares' quotients and the steps of the fixed-point grids stay normal doubles.
  constexpr double kLeast = 1e-250;
  constexpr double kMost = 1e307;
  if (target.weights && !(total_weight >= kLeast && total_weight <= kMost)) {
    throw InputError(sentence("sample_weight has a sum of ", total_weight, "; it must be in [1e-250, 1e307]."));
  }
  if (total != 0 && !(total >= kLeast && total <= kMost)) {
    throw InputError(
        sentence("y has a weighted sum of |y| of ", total, "; it must be 0 or in [1e-250, 1e307]: use another unit."));
  }
}

// The step that minimises G v + H v^2 / 2 + lambda v^2 / 2 + alpha |v|: -T(G) / (H + lambda), T the soft threshold.
double newton_step(const LeafSum& sum, const TreeParams& params) {
  const double shrunk = std::max(std::abs(sum.gradient) - params.reg_alpha, 0.0);
  const double curvature = sum.hessian + params.reg_lambda;
  return curvature > 0 ? -std::copysign(shrunk, sum.gradient) / curvature : 0.0;
}

InputError overflow(const BoostParams& params, std::int32_t round) {
  return InputError(sentence("learning_rate=", params.learning_rate, " lets the scores overflow in tree ", round + 1,
                             ": lower it, or bring y to a smaller unit."));
}

bool all_whole(const double* weights, std::size_t n) {
  return !weights || std::all_of(weights, weights + n, [](double w) { return w == std::floor(w); });
}

BoostedTrees boost(const Table& table, const Target& target, const BoostParams& params, const Loss& loss, int threads,
                   const std::function<void()>& after_tree) {
  const BinMapper mapper(table, target.weights, params.max_bins, threads);
  const BinnedMatrix matrix(table, mapper, target.weights, threads);
  const bool hessian_is_weight = loss.constant_hessian() && all_whole(target.weights, table.n_rows);
  Grower grower(matrix, mapper, params.tree, target.weights, hessian_is_weight, threads);
  RowState rows(loss, target.y, target.weights, table.n_rows, threads);
  const double start_score = loss.start_score(target.y, target.weights, table.n_rows);
  rows.start(start_score);

  std::vector<std::int64_t> tree_begin{0};
  TreeNodes nodes;
  for (std::int32_t round = 0; round < params.n_estimators; ++round) {
    const std::uint64_t key = child_key(params.seed, static_cast<std::uint64_t>(round));
    const QuantizationScale scale = rows.quantize(key);
    if (!rows.finite()) throw overflow(params, round);
    GrownTree tree = grower.grow(rows.pairs(), scale, key);
    rows.assign_leaves(tree, grower);
    const std::vector<LeafSum> sums = rows.leaf_sums(tree.leaves.size());
    std::vector<double> values(tree.leaves.size());
    for (std::size_t leaf = 0; leaf < values.size(); ++leaf) {
      values[leaf] = params.learning_rate * newton_step(sums[leaf], params.tree);
      if (!std::isfinite(values[leaf])) throw overflow(params, round);
      tree.nodes.value[static_cast<std::size_t>(tree.leaves[leaf].node)] = values[leaf];
    }
    rows.add(values);
    nodes.append(tree.nodes);
    tree_begin.push_back(static_cast<std::int64_t>(nodes.size()));
    if (after_tree) after_tree();
  }
  return {start_score,
          Forest(static_cast<std::int32_t>(table.columns.size()), std::move(tree_begin), std::move(nodes))};
}

}  // namespace

BoostedTrees fit(const Table& table, const Target& target, const BoostParams& params,
                 const std::function<void()>& after_tree) {
  check(params);
  check(params.tree);
  const Loss loss(params.loss);
  if (table.n_rows == 0 || table.columns.empty()) {
    throw InputError(sentence("X has ", table.n_rows, " rows and ", table.columns.size(),
                              " features; at least 1 of each is needed."));
  }
  check_target(table, target, loss);
  constexpr std::size_t kMostRows = std::size_t{1} << 30;  // packed sums keep a bit to spare
  if (table.n_rows > kMostRows) {
    throw InputError(sentence("X has ", table.n_rows, " rows; at most ", kMostRows, " are allowed."));
  }

  // A tree of this many cells takes about a tenth of a millisecond: threads would spend as much on meeting.
  constexpr std::size_t kCellsWorthATeam = 50'000;
  const bool small = table.n_rows * table.columns.size() < kCellsWorthATeam;
  const int threads = small ? 1 : resolve_threads(params.n_jobs);
  std::optional<BoostedTrees> fitted;
  with_team(threads, [&] { fitted = boost(table, target, params, loss, threads, after_tree); });
  return std::move(*fitted);
}

}  // namespace curvature
