// Formulas as readable algebra.
#pragma once

#include <string>
#include <vector>

#include "expr/graph.hpp"

namespace curvature {

/// Several formulas that share the names of their parts.
struct FormulaText {
  std::vector<std::string> values;       // one a node: "0.5 * (y - f)^2"
  std::vector<std::string> definitions;  // of what occurs more than once and is long: "a = exp(-(y - f)^2)"
};

/// names[v] is printed for variable v; beyond them it is x[v].
[[nodiscard]] FormulaText text(const Graph& graph, const std::vector<NodeId>& nodes,
                               const std::vector<std::string>& names);

}  // namespace curvature
