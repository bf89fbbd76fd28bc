// What Graph::apply tries before it makes a node: rules that shorten a formula, and rules that keep it accurate where
// the literal reading would overflow or cancel.
#pragma once

#include <optional>

#include "expr/term.hpp"

namespace curvature {

/// An equal node that is simpler or more accurate than operation(a, b, c), or nothing.
[[nodiscard]] std::optional<NodeId> simplified(Graph& graph, Operation operation, NodeId a, NodeId b, NodeId c);

using Simpler = std::optional<Term>;

// By kin, each in a file of its own.
[[nodiscard]] Simpler simpler_sum(const Term& a, const Term& b);         // a + b
[[nodiscard]] Simpler simpler_difference(const Term& a, const Term& b);  // a - b
[[nodiscard]] Simpler simpler_product(const Term& a, const Term& b);
[[nodiscard]] Simpler simpler_quotient(const Term& a, const Term& b);
[[nodiscard]] Simpler simpler_reciprocal(const Term& x);
[[nodiscard]] Simpler simpler_power(const Term& x, const Term& y);
[[nodiscard]] Simpler simpler_exp(const Term& x);
[[nodiscard]] Simpler simpler_log(const Term& x);
[[nodiscard]] Simpler simpler_log1p(const Term& x);

/// Quotients of sums of exponentials: sigmoids, tanh, shares of a softmax.
[[nodiscard]] Simpler sigmoid_quotient(const Term& a, const Term& b);
/// Sums of two terms that have a stabler form: 1 - expit(x) is expit(-x). `minus`: a - b.
[[nodiscard]] Simpler stable_sum(const Term& a, const Term& b, bool minus);
/// log x, where x is positive and made of exponentials such that the result cannot overflow.
[[nodiscard]] Simpler log_of_exponentials(const Term& x);

/// a - b where terms of both merge so that fewer remain: (1 + x) - x is 1.
[[nodiscard]] Simpler merged_difference(const Term& a, const Term& b);

/// Of x - y and y - x, and of c - x and x - c, the one that products and even functions write as the other's opposite.
[[nodiscard]] bool reversed(const Term& x);
/// Whether x is plainly never negative.
[[nodiscard]] bool nonnegative(const Term& x);
/// Whether a number may be moved about: neither zero nor anywhere near over- or underflow.
[[nodiscard]] bool harmless(double value);

}  // namespace curvature
