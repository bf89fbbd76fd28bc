#include "loss/formula.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/errors.hpp"
#include "expr/derivative.hpp"

namespace curvature {
namespace {

LossInfo formula_info(const std::string& name, std::size_t n_columns, std::size_t n_outputs) {
  if (n_columns < 1) throw InputError("n_columns=0 must be at least 1: the first is y.");
  constexpr std::size_t kMost = 1 << 16;
  if (n_columns > kMost) throw InputError(sentence("n_columns=", n_columns, " must be at most ", kMost, "."));
  if (n_outputs < 1 || n_outputs > kMost) {
    throw InputError(sentence("n_outputs=", n_outputs, " must be in [1, ", kMost, "]."));
  }
  LossInfo info;
  info.name = name;
  info.n_columns = n_columns;
  info.n_outputs = n_outputs;
  info.leaf_rule = LeafRule::halved;
  return info;
}

constexpr double kOtherVariables[] = {0.25, 1.0, 3.0};

// Targets and scores at which formulas are compared.
struct Points {
  std::vector<double> y;
  std::vector<double> f;

  static Points spread() {
    constexpr double kPlaces[] = {1e-3, 0.0371, 0.42, 1.0, 7.3, 61.0, 1e3};
    Points points;
    for (const double a : kPlaces) {
      for (const double b : kPlaces) {
        points.y.insert(points.y.end(), {a, -a, a, -a});
        points.f.insert(points.f.end(), {b, b, -b, -b});
      }
    }
    return points;
  }
};

// A column and a score as variables of a formula.
struct Pair {
  std::uint32_t column;
  std::uint32_t score;
};

// Nodes evaluated at points of a pair, all other variables holding the same number.
std::vector<std::vector<double>> evaluate(const Graph& graph, const std::vector<NodeId>& nodes, std::size_t n_variables,
                                          Pair pair, double other, const Points& points) {
  const std::vector<double> others(points.y.size(), other);
  std::vector<const double*> variables(n_variables, others.data());
  variables[pair.column] = points.y.data();
  variables[pair.score] = points.f.data();
  std::vector<std::vector<double>> found(nodes.size(), std::vector<double>(points.y.size()));
  std::vector<double*> out;
  for (std::vector<double>& one : found) out.push_back(one.data());
  Program(graph, nodes).run(variables.data(), 0, points.y.size(), out.data());
  return found;
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
    info_.of_residual = info.n_outputs == 1 && moves_with(0, 0);
    const auto is = [&](double wanted) {
      return [this, wanted](NodeId node) { return graph_.number(node) == wanted; };
    };
    const bool straight = std::all_of(hessians_.begin(), hessians_.end(), is(0));
    const bool parabola = info.n_outputs == 1 && graph.number(hessians_[0]).value_or(0) > 0;
    if (straight) info_.leaf_rule = LeafRule::searched;
    if (parabola) info_.leaf_rule = LeafRule::newton;  // a step that is exact
    info_.unit_curvature = straight || (parabola && info_.of_residual && is(1)(hessians_[0]));
    const bool bent = info_.of_residual && !straight && !parabola && smooth_at_zero();
    for (std::size_t k = 0; k < info.n_outputs; ++k) {
      info_.outputs.push_back({in_unit_of_y(k), is(0)(hessians_[k])});
      const NodeId size = graph.apply(Operation::abs, hessians_[k]);
      if (straight) {
        curvatures_.push_back(graph.constant(1));
      } else if (info_.outputs[k].straight) {
        curvatures_.push_back(graph.apply(Operation::abs, gradients_[k]));
      } else {
        curvatures_.push_back(bent ? majorising(size) : size);
      }
    }
  }

  [[nodiscard]] std::vector<NodeId> derivatives() const { return joined(hessians_); }
  [[nodiscard]] std::vector<NodeId> steps() const { return joined(curvatures_); }
  [[nodiscard]] std::vector<NodeId> mixed() {
    constexpr std::size_t kMostOutputs = 8;
    std::vector<NodeId> all;
    if (info_.n_outputs > kMostOutputs) return all;
    for (std::size_t k = 1; k < info_.n_outputs; ++k) {
      for (std::size_t l = 0; l < k; ++l) all.push_back(derivative(graph_, gradients_[l], variable_of(k)));
    }
    info_.has_mixed_derivatives = !all.empty();
    return all;
  }

 private:
  [[nodiscard]] std::vector<NodeId> joined(const std::vector<NodeId>& second) const {
    std::vector<NodeId> all = gradients_;
    all.insert(all.end(), second.begin(), second.end());
    return all;
  }

  [[nodiscard]] std::uint32_t variable_of(std::size_t output) const {
    return static_cast<std::uint32_t>(info_.n_columns + output);
  }

  // Whether another unit of y changes the unit of this score and nothing else. So it is where a column and the score
  // matter through their difference; or, of one score, where the gradient is homogeneous in both, as of ((y - f) /
  // y)^2.
  bool in_unit_of_y(std::size_t output) {
    constexpr std::size_t kMostOutputs = 32;  // the comparisons cost the square of their number
    if (info_.n_outputs == 1) return info_.of_residual || scales_with_y();
    if (info_.n_outputs > kMostOutputs) return false;
    return moves_with(0, output) || (output > 0 && output < info_.n_columns && moves_with(output, output));
  }

  // Whether a column and a score matter through their difference alone: then dl/dy = -dl/df everywhere.
  bool moves_with(std::size_t column, std::size_t output) {
    const auto y = static_cast<std::uint32_t>(column);
    const std::optional<NodeId> by_target = derivative_in(value_, y);
    if (!by_target) return false;
    const NodeId sum = graph_.apply(Operation::add, *by_target, gradients_[output]);
    if (const auto number = graph_.number(sum)) return *number == 0;
    return holds({sum, gradients_[output]}, {y, variable_of(output)},
                 [](const std::vector<double>& at) { return std::abs(at[0]) <= 1e-12 * std::abs(at[1]); });
  }

  // Whether y dg/dy + f dg/df = q g everywhere, for a constant q.
  bool scales_with_y() {
    const std::optional<NodeId> by_target = derivative_in(gradients_[0], 0);
    if (!by_target) return false;
    const NodeId y = graph_.apply(Operation::multiply, graph_.variable(0), *by_target);
    const NodeId f = graph_.apply(Operation::multiply, graph_.variable(variable_of(0)), hessians_[0]);
    std::optional<double> degree;
    return holds({gradients_[0], y, f}, {0, variable_of(0)}, [&](const std::vector<double>& at) {
      const double sum = at[1] + at[2];
      if (!degree && at[0] != 0) degree = sum / at[0];
      const double expected = degree.value_or(0) * at[0];
      return std::abs(sum - expected) <= 1e-9 * (std::abs(at[1]) + std::abs(at[2]) + std::abs(expected));
    });
  }

  // No derivative in y is no error: nothing else needs it.
  std::optional<NodeId> derivative_in(NodeId node, std::uint32_t variable) {
    try {
      return derivative(graph_, node, variable);
    } catch (const InputError&) {
      return std::nullopt;
    }
  }

  // Whether something holds wherever the nodes are numbers, one of them not 0; false where they are nowhere.
  template <class Condition>
  bool holds(const std::vector<NodeId>& nodes, Pair pair, Condition&& condition) const {
    const Points points = Points::spread();
    bool told = false;
    for (const double other : kOtherVariables) {
      const auto found = evaluate(graph_, nodes, info_.n_columns + info_.n_outputs, pair, other, points);
      for (std::size_t i = 0; i < points.y.size(); ++i) {
        std::vector<double> at;
        for (const std::vector<double>& one : found) at.push_back(one[i]);
        if (!std::all_of(at.begin(), at.end(), [](double x) { return std::isfinite(x); })) continue;
        if (std::all_of(at.begin(), at.end(), [](double x) { return x == 0; })) continue;
        if (!condition(at)) return false;
        told = true;
      }
    }
    return told;
  }

  // Whether the gradient goes to 0 with the residual, so that gradient / residual has a limit.
  bool smooth_at_zero() {
    constexpr double kNear = 1e-7;
    const Points points{std::vector<double>(4, 0.0), {kNear, -kNear, 1.0, -1.0}};
    for (const double other : kOtherVariables) {
      const std::vector<double> g =
          evaluate(graph_, {gradients_[0]}, info_.n_columns + 1, {0, variable_of(0)}, other, points)[0];
      if (!(std::max(std::abs(g[0]), std::abs(g[1])) <= 1e-5 * std::max(std::abs(g[2]), std::abs(g[3])))) return false;
    }
    return true;
  }

  NodeId majorising(NodeId size) {
    const NodeId y = graph_.variable(0);
    const NodeId f = graph_.variable(variable_of(0));
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
  Program mixed;

  static Parts of(Graph graph, NodeId value, LossInfo info, InstructionSet set) {
    Program values(graph, {value}, set);
    const std::vector<std::uint32_t>& variables = values.variables();
    if (!variables.empty() && variables.back() >= info.n_columns + info.n_outputs) {
      throw InputError(sentence("The formula reads variable ", variables.back(), "; there are ", info.n_columns,
                                " columns and ", info.n_outputs, " scores."));
    }
    Analysis analysis(graph, value, info);
    Program derivatives(graph, analysis.derivatives(), set);
    Program steps(graph, analysis.steps(), set);
    const std::vector<NodeId> pairs = analysis.mixed();
    Program mixed(graph, pairs, set);
    return {std::move(info), std::move(values), std::move(derivatives), std::move(steps), std::move(mixed)};
  }
};

FormulaLoss::FormulaLoss(Graph graph, NodeId value, std::size_t n_columns, std::size_t n_outputs,
                         const std::string& name, InstructionSet set)
    : FormulaLoss(Parts::of(std::move(graph), value, formula_info(name, n_columns, n_outputs), set)) {}

FormulaLoss::FormulaLoss(Parts&& parts)
    : Loss(std::move(parts.info)),
      value_(std::move(parts.value)),
      derivatives_(std::move(parts.derivatives)),
      steps_(std::move(parts.steps)),
      mixed_(std::move(parts.mixed)) {}

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

void FormulaLoss::mixed_derivatives(const LossRows& rows, double* const* mixed) const {
  mixed_.run(variables_of(rows, info_).data(), rows.begin, rows.size, mixed);
}

}  // namespace curvature
