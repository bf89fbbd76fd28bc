#include "expr/derivative.hpp"

#include "expr/term.hpp"

namespace curvature {

// One sweep from the leaves up, arguments before nodes: no recursion however deep the formula is.
NodeId derivative(Graph& graph, NodeId node, std::uint32_t variable) {
  const std::vector<bool> needed = graph.needed({node});
  const NodeId zero = graph.constant(0);
  std::vector<NodeId> derivatives(static_cast<std::size_t>(node) + 1, zero);
  for (NodeId id = 0; id <= node; ++id) {
    if (!needed[id]) continue;
    const Node here = graph[id];  // a copy: rules add nodes
    if (here.operation == Operation::variable && here.variable == variable) derivatives[id] = graph.constant(1);
    const DerivativeRule rule = traits(here.operation).derivative;
    if (!rule) continue;
    Term x[kMaxArity] = {{graph, zero}, {graph, zero}, {graph, zero}};
    Term dx[kMaxArity] = {{graph, zero}, {graph, zero}, {graph, zero}};
    bool varies = false;
    for (std::size_t i = 0; i < arity(here.operation); ++i) {
      const NodeId argument = here.arguments[i];
      x[i] = Term(graph, argument);
      dx[i] = Term(graph, derivatives[argument]);
      varies = varies || derivatives[argument] != zero;
    }
    if (varies) derivatives[id] = rule(Term(graph, id), x, dx).id();
  }
  return derivatives[node];
}

}  // namespace curvature
