#include "loss/formula.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/errors.hpp"
#include "expr/derivative.hpp"

namespace curvature {
namespace {

LossInfo formula_info(const std::string& name, std::size_t n_columns, std::size_t n_outputs) {
  if (n_columns < 1) throw InputError("n_columns=0 must be at least 1: the first is y.");
  if (n_outputs < 1) throw InputError("n_outputs=0 must be at least 1.");
  LossInfo info;
  info.name = name;
  info.n_columns = n_columns;
  info.n_outputs = n_outputs;
  info.leaf_rule = LeafRule::halved;
  return info;
}

// A node evaluated at points (y, f), all other columns holding the same number.
std::vector<double> evaluate(const Graph& graph, NodeId node, std::size_t n_columns, double other,
                             const std::vector<double>& y, const std::vector<double>& f) {
  const std::vector<double> others(y.size(), other);
  std::vector<const double*> variables(n_columns + 1, others.data());
  variables.front() = y.data();
  variables.back() = f.data();
  std::vector<double> found(y.size());
  double* const out[] = {found.data()};
  Program(graph, {node}).run(variables.data(), 0, y.size(), out);
  return found;
}

constexpr double kOtherColumns[] = {0.25, 1.0, 3.0};

// Whether a node of y and f is 0 but for rounding, held against the size of another one.
bool vanishes(const Graph& graph, NodeId node, NodeId size, std::size_t n_columns) {
  if (const auto number = graph.number(node)) return *number == 0;
  constexpr double kPlaces[] = {1e-3, 0.0371, 0.42, 1.0, 7.3, 61.0, 1e3};
  std::vector<double> y;
  std::vector<double> f;
  for (const double a : kPlaces) {
    for (const double b : kPlaces) {
      y.insert(y.end(), {a, -a, a, -a});
      f.insert(f.end(), {b, b, -b, -b});
    }
  }
  bool told = false;  // where no point is in the domain, nothing is known
  for (const double other : kOtherColumns) {
    const std::vector<double> found = evaluate(graph, node, n_columns, other, y, f);
    const std::vector<double> sizes = evaluate(graph, size, n_columns, other, y, f);
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (!std::isfinite(found[i]) || !std::isfinite(sizes[i])) continue;
      if (std::abs(found[i]) > 1e-12 * sizes[i]) return false;
      told = told || sizes[i] > 0;
    }
  }
  return told;
}

// The formulas of a loss; `info` is completed with what they are like.
class Analysis {
 public:
  Analysis(Graph& graph, NodeId value, LossInfo& info) : graph_(graph), value_(value), info_(info) {
    for (std::size_t k = 0; k < info.n_outputs; ++k) {
      const auto score = static_cast<std::uint32_t>(info.n_columns + k);
      gradients_.push_back(derivative(graph, value, score));
      hessians_.push_back(derivative(graph, gradients_[k], score));
    }
    info_.of_residual = info.n_outputs == 1 && of_residual();
    const auto is = [&](double wanted) {
      return [this, wanted](NodeId node) { return graph_.number(node) == wanted; };
    };
    const bool straight = std::all_of(hessians_.begin(), hessians_.end(), is(0));
    const bool parabola = info.n_outputs == 1 && graph.number(hessians_[0]).value_or(0) > 0;
    if (straight) info_.leaf_rule = LeafRule::searched;
    if (parabola) info_.leaf_rule = LeafRule::newton;  // a step that is exact
    info_.unit_curvature = straight || (parabola && info_.of_residual && is(1)(hessians_[0]));
    const bool bent = info_.of_residual && !straight && !parabola && smooth_at_zero();
    for (const NodeId hessian : hessians_) {
      const NodeId size = graph.apply(Operation::abs, hessian);
      curvatures_.push_back(straight ? graph.constant(1) : (bent ? majorising(size) : size));
    }
  }

  [[nodiscard]] std::vector<NodeId> derivatives() const { return joined(hessians_); }
  [[nodiscard]] std::vector<NodeId> steps() const { return joined(curvatures_); }

 private:
  [[nodiscard]] std::vector<NodeId> joined(const std::vector<NodeId>& second) const {
    std::vector<NodeId> all = gradients_;
    all.insert(all.end(), second.begin(), second.end());
    return all;
  }

  // Whether y and f matter through f - y alone: then dl/dy = -dl/df everywhere.
  bool of_residual() {
    NodeId by_target = 0;
    try {
      by_target = derivative(graph_, value_, 0);
    } catch (const InputError&) {
      return false;  // no derivative in y, which nothing else needs
    }
    const NodeId size = graph_.apply(Operation::abs, gradients_[0]);
    return vanishes(graph_, graph_.apply(Operation::add, by_target, gradients_[0]), size, info_.n_columns);
  }

  // Whether the gradient goes to 0 with the residual, so that gradient / residual has a limit.
  bool smooth_at_zero() {
    constexpr double kNear = 1e-7;
    const std::vector<double> y(4, 0.0);
    for (const double other : kOtherColumns) {
      const std::vector<double> g =
          evaluate(graph_, gradients_[0], info_.n_columns, other, y, {kNear, -kNear, 1.0, -1.0});
      if (!(std::max(std::abs(g[0]), std::abs(g[1])) <= 1e-5 * std::max(std::abs(g[2]), std::abs(g[3])))) return false;
    }
    return true;
  }

  NodeId majorising(NodeId size) {
    const NodeId y = graph_.variable(0);
    const NodeId f = graph_.variable(static_cast<std::uint32_t>(info_.n_columns));
    const NodeId ratio = graph_.apply(Operation::divide, gradients_[0], graph_.apply(Operation::subtract, f, y));
    return graph_.apply(Operation::where, graph_.apply(Operation::not_equal, f, y),
                        graph_.apply(Operation::maximum, size, ratio), size);
  }

  Graph& graph_;
  NodeId value_;
  LossInfo& info_;
  std::vector<NodeId> gradients_;
  std::vector<NodeId> hessians_;
  std::vector<NodeId> curvatures_;
};

std::vector<const double*> variables_of(const LossRows& rows, const LossInfo& info) {
  std::vector<const double*> variables(rows.columns, rows.columns + info.n_columns);
  variables.insert(variables.end(), rows.scores, rows.scores + info.n_outputs);
  return variables;
}

}  // namespace

struct FormulaLoss::Parts {
  LossInfo info;
  Program value;
  Program derivatives;
  Program steps;

  static Parts of(Graph graph, NodeId value, LossInfo info, InstructionSet set) {
    Program values(graph, {value}, set);
    const std::vector<std::uint32_t>& variables = values.variables();
    if (!variables.empty() && variables.back() >= info.n_columns + info.n_outputs) {
      throw InputError(sentence("The formula reads variable ", variables.back(), "; there are ", info.n_columns,
                                " columns and ", info.n_outputs, " scores."));
    }
    const Analysis analysis(graph, value, info);
    Program derivatives(graph, analysis.derivatives(), set);
    Program steps(graph, analysis.steps(), set);
    return {std::move(info), std::move(values), std::move(derivatives), std::move(steps)};
  }
};

FormulaLoss::FormulaLoss(Graph graph, NodeId value, std::size_t n_columns, std::size_t n_outputs,
                         const std::string& name, InstructionSet set)
    : FormulaLoss(Parts::of(std::move(graph), value, formula_info(name, n_columns, n_outputs), set)) {}

FormulaLoss::FormulaLoss(Parts&& parts)
    : Loss(std::move(parts.info)),
      value_(std::move(parts.value)),
      derivatives_(std::move(parts.derivatives)),
      steps_(std::move(parts.steps)) {}

void FormulaLoss::run(const Program& program, const LossRows& rows, double* const* first, double* const* second) const {
  std::vector<double*> outputs(first, first + info_.n_outputs);
  outputs.insert(outputs.end(), second, second + info_.n_outputs);
  program.run(variables_of(rows, info_).data(), rows.begin, rows.size, outputs.data());
}

void FormulaLoss::values(const LossRows& rows, double* out) const {
  value_.run(variables_of(rows, info_).data(), rows.begin, rows.size, &out);
}

void FormulaLoss::derivatives(const LossRows& rows, double* const* gradients, double* const* hessians) const {
  run(derivatives_, rows, gradients, hessians);
}

void FormulaLoss::steps(const LossRows& rows, double* const* gradients, double* const* curvatures) const {
  run(steps_, rows, gradients, curvatures);
}

}  // namespace curvature
