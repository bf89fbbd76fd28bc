#include "boost/fit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/processors.hpp"
#include "base/random.hpp"
#include "base/threads.hpp"
#include "boost/leaf_values.hpp"
#include "boost/row_state.hpp"
#include "data/bin_mapper.hpp"
#include "data/binned_matrix.hpp"
#include "loss/target.hpp"
#include "tree/grower.hpp"

namespace curvature {
namespace {

// What to say where the derivatives of a round are no numbers.
InputError not_finite(const RowState& rows, const LossInfo& loss, const BoostParams& params, std::int32_t round,
                      std::size_t output) {
  const std::optional<std::size_t> row = rows.row_not_finite(output);
  if (round > 0 || !row) {
    return InputError(sentence("learning_rate=", params.learning_rate, " lets the scores overflow in tree ", round + 1,
                               ": lower it, or bring y to a smaller unit."));
  }
  return InputError(sentence("loss='", loss.name, "' has derivatives that are no finite numbers at the start score f=",
                             rows.scores()[output][*row], ", in row ", *row, " with y=", rows.target().columns[0][*row],
                             "."));
}

bool all_whole(const double* weights, std::size_t n) {
  return !weights || std::all_of(weights, weights + n, [](double w) { return w == std::floor(w); });
}

BoostedTrees boost(const Table& table, const LossTable& target, Loss& loss, const BoostParams& params, int threads,
                   const std::function<void()>& after_tree) {
  const LossInfo& info = loss.info();
  const BinMapper mapper(table, target.weights, params.max_bins, threads);
  const BinnedMatrix matrix(table, mapper, target.weights, threads);
  const bool hessian_is_weight = info.unit_curvature && all_whole(target.weights, table.n_rows);
  Grower grower(matrix, mapper, params.tree, target.weights, hessian_is_weight, threads);
  RowState rows(loss, target, threads);
  std::vector<double> start_scores = loss.start_scores(target, threads);
  rows.start(start_scores);

  std::vector<std::int64_t> tree_begin{0};
  TreeNodes nodes;
  for (std::int32_t round = 0; round < params.n_estimators; ++round) {
    rows.begin_round();
    const std::size_t first_node = nodes.size();
    for (std::size_t output = 0; output < info.n_outputs; ++output) {
      const std::uint64_t key = child_key(params.seed, static_cast<std::uint64_t>(round) * info.n_outputs + output);
      const QuantizationScale scale = rows.quantize(output, key);
      if (!rows.finite()) throw not_finite(rows, info, params, round, output);
      GrownTree tree = grower.grow(rows.pairs(), scale, key);
      rows.assign_leaves(tree, grower);
      const std::vector<double> values =
          leaf_values(loss, rows, tree.leaves.size(), output, params.tree, params.learning_rate, threads);
      for (std::size_t leaf = 0; leaf < values.size(); ++leaf) {
        if (!std::isfinite(values[leaf])) throw not_finite(rows, info, params, round, output);
        tree.nodes.value[static_cast<std::size_t>(tree.leaves[leaf].node)] = values[leaf];
      }
      rows.add(output, values);
      nodes.append(tree.nodes);
      tree_begin.push_back(static_cast<std::int64_t>(nodes.size()));
      if (after_tree) after_tree();
    }
    const double held = rows.hold_round();
    for (std::size_t i = first_node; i < nodes.size(); ++i) nodes.value[i] *= held;
  }
  return {std::move(start_scores),
          Forest(static_cast<std::int32_t>(table.n_columns()), static_cast<std::int32_t>(info.n_outputs),
                 std::move(tree_begin), std::move(nodes))};
}

}  // namespace

BoostedTrees fit(const Table& table, const LossTable& target, Loss& loss, const BoostParams& params,
                 const std::function<void()>& after_tree) {
  check(params);
  check(params.tree);
  if (table.n_rows == 0 || table.n_columns() == 0) {
    throw InputError(
        sentence("X has ", table.n_rows, " rows and ", table.n_columns(), " features; at least 1 of each is needed."));
  }
  check_target(target, loss.info());
  constexpr std::size_t kMostRows = std::size_t{1} << 30;  // packed sums keep a bit to spare
  if (table.n_rows > kMostRows) {
    throw InputError(sentence("X has ", table.n_rows, " rows; at most ", kMostRows, " are allowed."));
  }

  // A tree of this many cells takes about a tenth of a millisecond: threads would spend as much on meeting.
  constexpr std::size_t kCellsWorthATeam = 50'000;
  const bool small = table.n_values() < kCellsWorthATeam;
  const int threads = small ? 1 : resolve_threads(params.n_jobs);
  std::optional<BoostedTrees> fitted;
  with_team(threads, [&] { fitted = boost(table, target, loss, params, threads, after_tree); });
  return std::move(*fitted);
}

}  // namespace curvature
