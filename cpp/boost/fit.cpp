#include "boost/fit.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "base/processors.hpp"
#include "base/random.hpp"
#include "base/threads.hpp"
#include "boost/leaf_values.hpp"
#include "boost/root_pass.hpp"
#include "boost/row_state.hpp"
#include "boost/tree_rows.hpp"
#include "loss/target.hpp"
#include "tree/grower.hpp"

namespace curvature {
namespace {

// What to say where the derivatives of a round are no numbers.
InputError not_finite(const TreeRows& rows, const BoostParams& params, std::int32_t round, std::size_t output) {
  const RowState& state = rows.all();
  const std::optional<std::size_t> row = rows.row_not_finite(output);
  if (round > 0 || !row) {
    return InputError(sentence("learning_rate=", params.learning_rate, " lets the scores overflow in tree ", round + 1,
                               ": lower it, or bring y to a smaller unit."));
  }
  return InputError(
      sentence("loss='", state.loss().info().name, "' has derivatives that are no finite numbers at the start score f=",
               state.scores()[output][*row], ", in row ", *row, " with y=", state.target().columns[0][*row], "."));
}

// Whether rows of one leaf of the first tree are to lie together.
bool is_clustered(const BinnedMatrix& matrix, const Grower& grower, const BoostParams& params, const RowState& state) {
  constexpr std::size_t kLeastRows = std::size_t{1} << 19;  // fewer are near each other in any order
  constexpr std::int32_t kLeastTrees = 16;
  const bool any_order =
      !grower.needs_noise() && !grower.is_sampled() && !matrix.is_sparse() && !state.target().weights;
  return any_order && state.n_outputs() == 1 && matrix.n_rows() >= kLeastRows && params.n_estimators >= kLeastTrees;
}

std::uint64_t tree_key(const BoostParams& params, std::int32_t round, std::size_t output, std::size_t n_outputs) {
  return child_key(params.seed, static_cast<std::uint64_t>(round) * n_outputs + output);
}

// What grows a tree at a time.
struct TreeMaker {
  Grower grower;
  TreeRows rows;
  BinnedMatrix* reordered = nullptr;  // the matrix, where the first tree puts its rows in another order

  TreeMaker(const BinnedTable& table, const BoostParams& params, RowState& state, int threads)
      : grower(table.matrix, table.mapper, params.tree, state.target().weights,
               state.loss().info().unit_curvature && state.weights().all_whole, threads),
        rows(state) {}

  // The tree of an output and its values, which are added to the scores.
  TreeNodes make(RowState& state, RootPass* roots, const BoostParams& params, std::int32_t round, std::size_t output,
                 int threads) {
    const Loss& loss = state.loss();
    const std::uint64_t key = tree_key(params, round, output, state.n_outputs());
    const QuantizationScale scale = roots ? rows.borrow(output, roots->pairs(output)) : rows.quantize(output, key);
    if (!rows.finite()) throw not_finite(rows, params, round, output);
    GrownTree tree = grower.grow(rows.pairs(), scale, key, roots ? roots->known_root(output) : KnownRoot{});
    rows.assign_leaves(tree, grower);
    const std::vector<double> values =
        leaf_values(loss, rows, tree.leaves.size(), output, params.tree, params.learning_rate, threads);
    for (std::size_t leaf = 0; leaf < values.size(); ++leaf) {
      if (!std::isfinite(values[leaf])) throw not_finite(rows, params, round, output);
      tree.nodes.value[static_cast<std::size_t>(tree.leaves[leaf].node)] = values[leaf];
    }
    state.add(output, rows.leaves(), values);
    if (reordered && round == 0) rows.cluster(tree, grower, *reordered);
    return std::move(tree.nodes);
  }
};

// `own_matrix`: that of `table` where nobody else looks at it, or null.
BoostedTrees boost(const BinnedTable& table, BinnedMatrix* own_matrix, const LossTable& target, Loss& loss,
                   const BoostParams& params, int threads, const std::function<void()>& after_tree) {
  const std::size_t n_outputs = loss.info().n_outputs;
  std::vector<double> start_scores = loss.start_scores(target, threads);
  RowState state(loss, target, threads);
  state.start(start_scores);
  // The trees of a round do not depend on each other: where there are enough, each is one thread's, and none waits.
  const bool apart = threads > 1 && n_outputs >= static_cast<std::size_t>(threads);
  const int threads_a_tree = apart ? 1 : threads;
  std::vector<std::unique_ptr<TreeMaker>> makers(apart ? static_cast<std::size_t>(threads) : 1);
  makers[0] = std::make_unique<TreeMaker>(table, params, state, threads_a_tree);
  if (is_clustered(table.matrix, makers[0]->grower, params, state)) makers[0]->reordered = own_matrix;
  const std::unique_ptr<RootPass> roots = RootPass::make(state, makers[0]->grower, threads);
  const std::size_t n_at_once = roots ? roots->n_at_once() : n_outputs;

  std::vector<std::int64_t> tree_begin{0};
  TreeNodes nodes;
  for (std::int32_t round = 0; round < params.n_estimators; ++round) {
    state.begin_round();
    std::vector<TreeNodes> trees(n_outputs);
    std::vector<std::exception_ptr> errors(n_outputs);
    const auto make = [&](std::size_t output, int worker) {
      std::unique_ptr<TreeMaker>& own = makers[static_cast<std::size_t>(worker)];
      if (!own) own = std::make_unique<TreeMaker>(table, params, state, threads_a_tree);
      try {
        trees[output] = own->make(state, roots.get(), params, round, output, threads_a_tree);
      } catch (const InputError&) {  // the one of the first output is told, whichever came first
        errors[output] = std::current_exception();
      }
      if (worker == 0 && after_tree) after_tree();
    };
    for (std::size_t first = 0; first < n_outputs; first += n_at_once) {
      const std::size_t n = std::min(n_at_once, n_outputs - first);
      if (roots) {
        std::vector<std::uint64_t> keys(n);
        for (std::size_t i = 0; i < n; ++i) keys[i] = tree_key(params, round, first + i, n_outputs);
        roots->run(first, n, keys);
      }
      if (apart) {
        parallel_for(n, threads, [&](std::size_t i, int worker) { make(first + i, worker); });
      } else {
        for (std::size_t i = 0; i < n; ++i) make(first + i, 0);
      }
      for (const std::exception_ptr& error : errors) {
        if (error) std::rethrow_exception(error);
      }
    }
    const double held = state.hold_round();
    for (TreeNodes& tree : trees) {
      for (double& value : tree.value) value *= held;
      nodes.append(tree);
      tree_begin.push_back(static_cast<std::int64_t>(nodes.size()));
    }
  }
  return {std::move(start_scores),
          Forest(static_cast<std::int32_t>(table.mapper.n_features()), static_cast<std::int32_t>(n_outputs),
                 std::move(tree_begin), std::move(nodes))};
}

void check_all(std::size_t n_rows, std::size_t n_features, const LossTable& target, const Loss& loss,
               const BoostParams& params) {
  check(params);
  check(params.tree);
  if (n_rows == 0 || n_features == 0) {
    throw InputError(sentence("X has ", n_rows, " rows and ", n_features, " features; at least 1 of each is needed."));
  }
  check_target(target, loss.info());
  constexpr std::size_t kMostRows = std::size_t{1} << 30;  // packed sums keep a bit to spare
  if (n_rows > kMostRows) {
    throw InputError(sentence("X has ", n_rows, " rows; at most ", kMostRows, " are allowed."));
  }
}

// Of more cells, memory counts more than the time that a second order of the codes saves: a fifth of it at ten million
// rows, most of which their clustering gives back.
CodeOrders code_orders(std::size_t n_cells) {
  constexpr std::size_t kMostCellsTwice = std::size_t{1} << 27;
  return n_cells > kMostCellsTwice ? CodeOrders::rows : CodeOrders::rows_and_columns;
}

// A tree of this many cells takes about a tenth of a millisecond: threads would spend as much on meeting.
int useful_threads(std::size_t n_cells, int n_jobs) {
  constexpr std::size_t kCellsWorthATeam = 50'000;
  return n_cells < kCellsWorthATeam ? 1 : resolve_threads(n_jobs);
}

}  // namespace

BoostedTrees fit(const Table& table, const LossTable& target, Loss& loss, const BoostParams& params,
                 const std::function<void()>& after_tree) {
  check_all(table.n_rows, table.n_columns(), target, loss, params);
  const int threads = useful_threads(table.n_values(), params.n_jobs);
  std::optional<BoostedTrees> fitted;
  with_team(threads, [&] {
    BinnedTable binned(table, target.weights, target.weights, params.max_bins, code_orders(table.n_values()), threads);
    fitted = boost(binned, &binned.matrix, target, loss, params, threads, after_tree);
  });
  return std::move(*fitted);
}

BoostedTrees fit(const BinnedTable& table, const LossTable& target, Loss& loss, const BoostParams& params,
                 const std::function<void()>& after_tree) {
  const std::size_t n_rows = table.matrix.n_rows();
  check_all(n_rows, table.mapper.n_features(), target, loss, params);
  const int threads = useful_threads(n_rows * table.mapper.n_features(), params.n_jobs);
  std::optional<BoostedTrees> fitted;
  with_team(threads, [&] { fitted = boost(table, nullptr, target, loss, params, threads, after_tree); });
  return std::move(*fitted);
}

}  // namespace curvature
