// Exercises the core without Python: for the sanitizers. Prints one line and returns 0 where all holds.
#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/errors.hpp"
#include "base/random.hpp"
#include "base/threads.hpp"
#include "boost/fit.hpp"
#include "linear/fit.hpp"
#include "linear/sgd.hpp"
#include "loss/formula.hpp"
#include "loss/named.hpp"

using namespace curvature;

namespace {

void require(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error(what);
}

std::shared_ptr<Loss> loss_named(const char* name) { return make_loss(name, {}, 2, instruction_set()); }

// f[1] + ((y - f[0]) e^-f[1])^2 / 2, the logarithm of a normal density: two outputs, each step held.
FormulaLoss normal_loss() {
  Graph graph;
  const NodeId y = graph.variable(0);
  const NodeId mean = graph.variable(1);
  const NodeId spread = graph.variable(2);
  const NodeId shrink = graph.apply(Operation::exp, graph.apply(Operation::negative, spread));
  const NodeId scaled = graph.apply(Operation::multiply, graph.apply(Operation::subtract, y, mean), shrink);
  const NodeId half = graph.apply(Operation::multiply, graph.constant(0.5), graph.apply(Operation::square, scaled));
  const NodeId value = graph.apply(Operation::add, spread, half);
  return FormulaLoss(std::move(graph), value, 1, 2, "normal", instruction_set());
}

// max(0.7 (y - f), -0.3 (y - f)): straight pieces, so that leaves are searched.
FormulaLoss pinball_loss() {
  Graph graph;
  const NodeId residual = graph.apply(Operation::subtract, graph.variable(0), graph.variable(1));
  const NodeId above = graph.apply(Operation::multiply, graph.constant(0.7), residual);
  const NodeId below = graph.apply(Operation::multiply, graph.constant(-0.3), residual);
  const NodeId value = graph.apply(Operation::maximum, above, below);
  return FormulaLoss(std::move(graph), value, 1, 1, "pinball", instruction_set());
}

double uniform(std::uint64_t key) { return static_cast<double>(mix(key) >> 11) * 0x1p-53; }

// Columns of several kinds side by side: continuous, few levels, constant, with missing values, with infinities; and
// categories of few and many codes, in two chunks, with missing rows and codes that stand for nothing.
struct Sample {
  static constexpr std::size_t kColumns = 11;
  static constexpr std::uint16_t kLevels = 900;
  std::vector<float> values;
  std::vector<std::uint16_t> codes;
  std::vector<std::uint8_t> present;
  std::vector<double> y, weights;

  explicit Sample(std::size_t n) : present(n / 8 + 1, 0xdf) {
    for (std::size_t row = 0; row < n; ++row) {
      for (std::size_t c = 0; c < kColumns; ++c) {
        double x = uniform(row * kColumns + c);
        if (c == 1) x = std::floor(4 * x);
        if (c == 2) x = 7;
        if (c == 3 && x < 0.3) x = std::numeric_limits<double>::quiet_NaN();
        if (c == 4 && x < 0.1) x = x < 0.05 ? -HUGE_VAL : HUGE_VAL;
        values.push_back(static_cast<float>(x));
      }
      const double signal = values[row * kColumns] + (values[row * kColumns + 1] > 1 ? 0.5 : 0.0);
      y.push_back(signal + 0.3 * uniform(~row) > 0.9 ? 1.0 : 0.0);
      weights.push_back(std::floor(3 * uniform(row ^ 0xabcdefu)));
      codes.push_back(static_cast<std::uint16_t>(mix(row) % kLevels));
    }
  }

  // The codes of the rows, where only `n_levels` of them stand for something.
  [[nodiscard]] Column category(std::int32_t n_levels) const {
    auto lookup = std::make_shared<std::vector<double>>();
    for (std::int32_t level = 0; level < n_levels; ++level) lookup->push_back(level + 1);
    Column column;
    column.type = ValueType::u16;
    column.n_codes = n_levels + 1;
    const std::size_t half = codes.size() / 16 * 8;
    const auto* first = reinterpret_cast<const std::byte*>(codes.data());
    column.chunks.push_back({first, sizeof(std::uint16_t), half, present.data(), 0, lookup});
    column.chunks.push_back(
        {first + half * sizeof(std::uint16_t), sizeof(std::uint16_t), codes.size(), nullptr, 0, lookup});
    return column;
  }

  [[nodiscard]] LossTable target(bool weighted = false) const {
    return {{y.data()}, weighted ? weights.data() : nullptr, y.size()};
  }

  [[nodiscard]] Table table() const {
    Table table;
    table.n_rows = y.size();
    for (std::size_t c = 0; c < kColumns; ++c) {
      const auto* first = reinterpret_cast<const std::byte*>(values.data() + c);
      table.columns.emplace_back(first, static_cast<std::ptrdiff_t>(kColumns * sizeof(float)), ValueType::f32,
                                 y.size());
    }
    for (const std::int32_t n_levels : {30, 850}) table.columns.push_back(category(n_levels));
    return table;
  }
};

std::vector<double> start_scores(const BoostedTrees& model, std::size_t n_rows) {
  std::vector<double> out;
  for (std::size_t row = 0; row < n_rows; ++row) {
    out.insert(out.end(), model.start_scores.begin(), model.start_scores.end());
  }
  return out;
}

std::vector<double> scores(const BoostedTrees& model, const Table& table, int threads) {
  std::vector<double> out = start_scores(model, table.n_rows);
  model.forest.add_scores(table, 0, model.forest.n_trees(), out.data(), threads);
  return out;
}

// One tree after another, which the engine of batches does not take.
std::vector<double> walked_scores(const BoostedTrees& model, const Table& table) {
  std::vector<double> out = start_scores(model, table.n_rows);
  for (std::size_t t = 0; t < model.forest.n_trees(); ++t) model.forest.add_scores(table, t, t + 1, out.data(), 1);
  return out;
}

void fits_agree_for_any_threads(const Sample& sample, BoostParams params, bool weighted, Loss& loss) {
  const Table table = sample.table();
  const LossTable target = sample.target(weighted);
  params.n_jobs = 1;
  const BoostedTrees one = fit(table, target, loss, params, {});
  require(one.forest.nodes().size() > one.forest.n_trees(), "no tree was split");
  require(one.forest.nodes().sets.size() > 0, "no category was split");
  for (const int threads : {2, 3, 8}) {
    params.n_jobs = threads;
    const BoostedTrees many = fit(table, target, loss, params, {});
    require(many.forest.nodes().threshold == one.forest.nodes().threshold, "trees differ between threads");
    require(many.forest.nodes().sets.words == one.forest.nodes().sets.words, "sets differ between threads");
    require(scores(many, table, threads) == scores(one, table, 1), "scores differ between threads");
  }
  require(scores(one, table, 2) == walked_scores(one, table), "the engine of batches differs from the walk");
  require(one.forest.is_sliced(), "no engine of batches");
  std::vector<std::int32_t> leaves(table.n_rows * one.forest.n_trees());
  one.forest.apply(table, leaves.data(), 2);
}

// Dense rows and columns, and compressed rows of every third number, of columns of several scales.
struct LinearSample {
  static constexpr std::size_t kRows = 20'000, kColumns = 11;
  std::vector<float> rows, columns, values;
  std::vector<std::int32_t> indices;
  std::vector<std::int64_t> begin = {0};
  std::vector<double> y, weights;

  LinearSample() : columns(kRows * kColumns) {
    for (std::size_t row = 0; row < kRows; ++row) {
      for (std::size_t c = 0; c < kColumns; ++c) {
        const double scale = c == 0 ? 100 : 1;
        const auto x = static_cast<float>(scale * (uniform(row * kColumns + c) - 0.3));
        rows.push_back(x);
        columns[c * kRows + row] = x;
        if ((row + c) % 3 > 0) continue;
        values.push_back(x);
        indices.push_back(static_cast<std::int32_t>(c));
      }
      begin.push_back(static_cast<std::int64_t>(values.size()));
      y.push_back(rows[row * kColumns + 1] + uniform(~row) > 0.7 ? 1.0 : 0.0);
      weights.push_back(std::floor(3 * uniform(row ^ 0xabcdefu)));
    }
  }

  [[nodiscard]] LossTable target() const { return {{y.data()}, weights.data(), kRows}; }
  [[nodiscard]] std::vector<Design> designs() const {
    return {Design(DenseMatrix<float>{rows.data(), kRows, kColumns, kColumns, 1}),
            Design(DenseMatrix<float>{columns.data(), kRows, kColumns, 1, kRows}),
            Design(SparseMatrix<float>{begin.data(), indices.data(), values.data(), kRows, kColumns})};
  }
};

LinearFit linear_fit_by(const LinearSample& sample, const Design& design, Loss& loss, const LinearParams& params) {
  if (params.solver != LinearSolver::sgd) return fit_linear(design, sample.target(), loss, params, {}, {}).fit;
  const LossTable target = sample.target();
  LinearProblem problem = linear_problem(design, target, loss, params, {});
  problem.threads = params.n_jobs;
  SgdParams descent;
  descent.optimizer = Optimizer::adam;
  descent.batch_size = 4096;
  descent.early_stopping = true;
  return SgdFit(descent, params).fit(problem);
}

void linear_fits_agree_for_any_threads(const LinearSample& sample, const char* loss, LinearParams params) {
  const std::shared_ptr<Loss> own = loss_named(loss);
  for (const Design& design : sample.designs()) {
    std::optional<LinearFit> one;
    for (const int threads : {1, 2, 8}) {
      params.n_jobs = threads;
      const LinearFit fit = linear_fit_by(sample, design, *own, params);
      require(std::isfinite(fit.objective) && fit.n_iter > 0, "a linear fit has no finite objective");
      if (!one) one = fit;
      require(fit.coefficients.weights == one->coefficients.weights, "linear weights differ between threads");
      require(fit.coefficients.intercepts == one->coefficients.intercepts, "intercepts differ between threads");
    }
  }
}

void linear_models_hold() {
  const LinearSample sample;
  LinearParams params;
  params.max_iter = 5;
  for (const LinearSolver solver : {LinearSolver::newton, LinearSolver::newton_cg, LinearSolver::lbfgs,
                                    LinearSolver::coordinate_descent, LinearSolver::sgd}) {
    params.solver = solver;
    params.l1_ratio = solver == LinearSolver::coordinate_descent ? 0.5 : 0.0;
    for (const char* loss : {"squared", "logistic", "absolute"}) {  // the last is smoothed
      linear_fits_agree_for_any_threads(sample, loss, params);
    }
    if (solver != LinearSolver::newton) linear_fits_agree_for_any_threads(sample, "softmax", params);
  }
}

template <class Error, class Action>
void refuses(const char* what, Action&& action) {
  try {
    action();
  } catch (const Error&) {
    return;
  }
  throw std::runtime_error(std::string("accepted: ") + what);
}

void bad_input_is_refused(const Sample& sample) {
  BoostParams params;
  params.max_bins = 1;
  refuses<InputError>("max_bins=1",
                      [&] { (void)fit(sample.table(), sample.target(), *loss_named("squared"), params, {}); });
  const std::vector<double> weights(sample.y.size(), 0.0);
  LossTable weightless = sample.target();
  weightless.weights = weights.data();
  refuses<InputError>("weights of 0", [&] { (void)fit(sample.table(), weightless, *loss_named("squared"), {}, {}); });
  refuses<std::runtime_error>("an exception between trees", [&] {
    (void)fit(sample.table(), sample.target(), *loss_named("squared"), {}, [] { throw std::runtime_error("stop"); });
  });
  refuses<std::runtime_error>("an exception in a task", [] {
    parallel_for(64, 4, [](std::size_t task, int) {
      if (task == 17) throw std::runtime_error("task");
    });
  });
  TreeNodes nodes;
  nodes.feature = {0, kLeaf, kLeaf};
  nodes.threshold = nodes.value = nodes.gain = nodes.cover = {0.0, 0.0, 0.0};
  nodes.missing_left = {0, 0, 0};
  nodes.set = {kNoSet, kNoSet, kNoSet};
  nodes.left = {7, 0, 0};
  refuses<ModelError>("a child out of range", [&] { Forest(1, 1, {0, 3}, nodes); });
}

}  // namespace

int main() try {
  const Sample sample(20'000);
  BoostParams params;
  params.n_estimators = 5;
  const std::shared_ptr<Loss> logistic = loss_named("logistic");
  fits_agree_for_any_threads(sample, params, false, *loss_named("squared"));
  fits_agree_for_any_threads(sample, params, true, *logistic);
  fits_agree_for_any_threads(sample, params, true, *loss_named("absolute"));  // leaves by quantiles
  fits_agree_for_any_threads(sample, params, true, *loss_named("poisson"));   // steps halved where they must be
  fits_agree_for_any_threads(sample, params, true, *loss_named("softmax"));
  FormulaLoss normal = normal_loss();
  FormulaLoss pinball = pinball_loss();
  fits_agree_for_any_threads(sample, params, true, normal);
  fits_agree_for_any_threads(sample, params, true, pinball);
  params.max_bins = 5000;  // columns of two-byte codes
  params.tree.max_leaves = 0;
  params.tree.max_depth = 6;
  params.tree.grow_policy = GrowPolicy::depthwise;
  params.tree.reg_alpha = 0.5;
  fits_agree_for_any_threads(sample, params, true, *logistic);
  bad_input_is_refused(sample);
  linear_models_hold();
  std::puts("smoke: all holds");
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "smoke: %s\n", error.what());
  return 1;
}
