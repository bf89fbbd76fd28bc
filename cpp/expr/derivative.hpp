// Exact derivatives of formulas, as formulas.
#pragma once

#include "expr/graph.hpp"

namespace curvature {

/// The partial derivative of `node` by the variable of that index; call it again on the result for the second.
/// Kinks: |x|' is 0 at 0; max and min take the mean of both branches at a tie; where() differentiates its branches and
/// never its condition; comparisons and sign have derivative 0. Throws InputError for a derivative of trigamma.
[[nodiscard]] NodeId derivative(Graph& graph, NodeId node, std::uint32_t variable);

}  // namespace curvature
