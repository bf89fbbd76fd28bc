// Formulas as one graph: every distinct sub-expression is one node, so whatever is shared is shared by construction.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <unordered_map>
#include <vector>

#include "expr/operation.hpp"

namespace curvature {

using NodeId = std::uint32_t;
constexpr NodeId kNoNode = std::numeric_limits<NodeId>::max();

/// Immutable. A constant has a value, a variable an index, anything else its arguments.
struct Node {
  Operation operation = Operation::constant;
  std::array<NodeId, kMaxArity> arguments{kNoNode, kNoNode, kNoNode};
  std::uint32_t variable = 0;
  double value = 0;

  /// Constants are compared by their bits: 0 and -0 differ, NaN is itself.
  [[nodiscard]] bool operator==(const Node& other) const;
};

/// Grows only: a node's arguments have smaller numbers than it has. At most kMaxNodes of them. A value: copies are
/// independent. Reading from several threads is safe, adding is not.
class Graph {
 public:
  static constexpr std::size_t kMaxNodes = 100'000;

  Graph() = default;
  /// Keeps the nodes as they are, unsimplified, so that a formula that was read back gives the same bits. Throws
  /// InputError unless every argument stands before its node.
  explicit Graph(const std::vector<Node>& nodes);

  NodeId constant(double value);
  NodeId variable(std::uint32_t index);
  /// operation(a, b, c), simplified: see simplification.hpp. Throws InputError for a wrong number of arguments, a
  /// node that does not exist and a graph that is full.
  NodeId apply(Operation operation, NodeId a, NodeId b = kNoNode, NodeId c = kNoNode);

  [[nodiscard]] const Node& operator[](NodeId id) const { return nodes_[id]; }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] std::optional<double> number(NodeId id) const;
  /// Throws InputError where there is no such node.
  void require(NodeId id) const;
  /// Marks what the outputs need, themselves included: one entry a node.
  [[nodiscard]] std::vector<bool> needed(const std::vector<NodeId>& outputs) const;

 private:
  struct Hash {
    std::size_t operator()(const Node& node) const;
  };

  NodeId intern(const Node& node);

  std::vector<Node> nodes_;
  std::unordered_map<Node, NodeId, Hash> ids_;
  int depth_ = 0;  // of apply within apply
};

/// Whether a and b are plainly each other's opposite: x and -x, x - y and y - x, 2 x and -2 x.
[[nodiscard]] bool opposite(const Graph& graph, NodeId a, NodeId b);

}  // namespace curvature
