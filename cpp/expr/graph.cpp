#include "expr/graph.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/errors.hpp"
#include "expr/simplification.hpp"

namespace curvature {
namespace {

// Rules call apply within apply. Canonical forms end that after a few steps; this ends it in any case.
constexpr int kMaxDepth = 40;

struct Deeper {
  explicit Deeper(int& depth) : depth_(depth) { ++depth_; }
  ~Deeper() { --depth_; }
  int& depth_;
};

// What the operation gives for these numbers, by the very function that evaluates blocks.
double fold(Operation operation, const double (&numbers)[kMaxArity]) {
  constexpr std::size_t kBlock = 8;
  double inputs[kMaxArity][kBlock], out[kBlock];
  for (std::size_t i = 0; i < kMaxArity; ++i) std::fill_n(inputs[i], kBlock, numbers[i]);
  block_function(operation, InstructionSet::baseline).run(inputs[0], inputs[1], inputs[2], out, kBlock);
  return out[0];
}

}  // namespace

bool Node::operator==(const Node& other) const {
  return operation == other.operation && arguments == other.arguments && variable == other.variable &&
         std::bit_cast<std::uint64_t>(value) == std::bit_cast<std::uint64_t>(other.value);
}

std::size_t Graph::Hash::operator()(const Node& node) const {
  std::uint64_t hash = static_cast<std::uint64_t>(node.operation);
  const auto mix = [&hash](std::uint64_t part) {
    hash = (hash ^ part) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 29;
  };
  for (const NodeId argument : node.arguments) mix(argument);
  mix(node.variable);
  mix(std::bit_cast<std::uint64_t>(node.value));
  return static_cast<std::size_t>(hash);
}

Graph::Graph(const std::vector<Node>& nodes) {
  for (const Node& node : nodes) {
    for (std::size_t i = 0; i < arity(node.operation); ++i) require(node.arguments[i]);
    if (nodes_.size() >= kMaxNodes) break;
    ids_.try_emplace(node, static_cast<NodeId>(nodes_.size()));
    nodes_.push_back(node);
  }
  if (nodes_.size() < nodes.size()) {
    throw InputError(sentence("nodes has ", nodes.size(), " entries; a formula may have ", kMaxNodes, "."));
  }
}

NodeId Graph::intern(const Node& node) {
  const auto known = ids_.find(node);
  if (known != ids_.end()) return known->second;
  if (nodes_.size() >= kMaxNodes) {
    throw InputError(sentence("the formula needs more than ", kMaxNodes, " operations; that many are allowed."));
  }
  const NodeId id = static_cast<NodeId>(nodes_.size());
  nodes_.push_back(node);
  ids_.emplace(node, id);
  return id;
}

NodeId Graph::constant(double value) {
  Node node;
  node.value = std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value;
  return intern(node);
}

NodeId Graph::variable(std::uint32_t index) {
  Node node;
  node.operation = Operation::variable;
  node.variable = index;
  return intern(node);
}

void Graph::require(NodeId id) const {
  if (id >= nodes_.size()) throw InputError(sentence("node ", id, " does not exist; there are ", size(), " nodes."));
}

std::optional<double> Graph::number(NodeId id) const {
  if (nodes_[id].operation != Operation::constant) return std::nullopt;
  return nodes_[id].value;
}

NodeId Graph::apply(Operation operation, NodeId a, NodeId b, NodeId c) {
  Node node;
  node.operation = operation;
  node.arguments = {a, b, c};
  const std::size_t n_arguments = arity(operation);
  const auto given = static_cast<std::size_t>(
      std::count_if(node.arguments.begin(), node.arguments.end(), [](NodeId id) { return id != kNoNode; }));
  if (given != n_arguments || n_arguments == 0) {
    throw InputError(sentence("operation '", name(operation), "' takes ", n_arguments, " nodes, got ", given, "."));
  }
  double numbers[kMaxArity] = {};
  bool all_numbers = true;
  for (std::size_t i = 0; i < n_arguments; ++i) {
    require(node.arguments[i]);
    const std::optional<double> value = number(node.arguments[i]);
    all_numbers = all_numbers && value;
    numbers[i] = value.value_or(0);
  }
  if (all_numbers) {  // what overflows or is undefined stays visible as the operation it is
    const double folded = fold(operation, numbers);
    if (std::isfinite(folded)) return constant(folded);
  }
  if (depth_ < kMaxDepth) {
    const Deeper deeper(depth_);
    const std::optional<NodeId> simpler = simplified(*this, operation, a, b, c);
    if (simpler) return *simpler;
  }
  if (commutative(operation)) {  // numbers first in products, last in sums and elsewhere
    const bool first = operation == Operation::multiply;
    const auto rank = [&](NodeId id) { return std::pair(number(id).has_value() != first, id); };
    if (rank(b) < rank(a)) std::swap(node.arguments[0], node.arguments[1]);
  }
  return intern(node);
}

std::vector<bool> Graph::needed(const std::vector<NodeId>& outputs) const {
  std::vector<bool> marks(size(), false);
  for (const NodeId output : outputs) {
    require(output);
    marks[output] = true;
  }
  for (NodeId id = static_cast<NodeId>(size()); id-- > 0;) {
    if (!marks[id]) continue;
    for (std::size_t i = 0; i < arity(nodes_[id].operation); ++i) marks[nodes_[id].arguments[i]] = true;
  }
  return marks;
}

bool opposite(const Graph& graph, NodeId a, NodeId b) {
  const Node& x = graph[a];
  const Node& y = graph[b];
  if (x.operation == Operation::negative && x.arguments[0] == b) return true;
  if (y.operation == Operation::negative && y.arguments[0] == a) return true;
  if (x.operation != y.operation) return false;
  if (x.operation == Operation::constant) return x.value == -y.value;
  if (x.operation == Operation::subtract) {
    return x.arguments[0] == y.arguments[1] && x.arguments[1] == y.arguments[0];
  }
  return x.operation == Operation::multiply && x.arguments[1] == y.arguments[1] && graph.number(x.arguments[0]) &&
         graph.number(y.arguments[0]) && *graph.number(x.arguments[0]) == -*graph.number(y.arguments[0]);
}

}  // namespace curvature
