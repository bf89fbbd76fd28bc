// A node with its graph, so that rules read like the mathematics they state.
#pragma once

#include "expr/graph.hpp"

namespace curvature {

/// Borrows the graph. Operators add nodes to it, simplified.
class Term {
 public:
  Term(Graph& graph, NodeId id) : graph_(&graph), id_(id) {}

  [[nodiscard]] Graph& graph() const { return *graph_; }
  [[nodiscard]] NodeId id() const { return id_; }
  [[nodiscard]] Operation operation() const { return (*graph_)[id_].operation; }
  [[nodiscard]] bool is(Operation wanted) const { return operation() == wanted; }
  [[nodiscard]] std::optional<double> number() const { return graph_->number(id_); }
  [[nodiscard]] bool is_number() const { return is(Operation::constant); }
  [[nodiscard]] bool is_number(double value) const { return is_number() && (*graph_)[id_].value == value; }
  /// Its argument; the term must be an operation with that many.
  [[nodiscard]] Term operator[](std::size_t argument) const { return {*graph_, (*graph_)[id_].arguments[argument]}; }
  [[nodiscard]] Term constant(double value) const { return {*graph_, graph_->constant(value)}; }

  [[nodiscard]] bool operator==(const Term& other) const { return id_ == other.id_; }

 private:
  Graph* graph_;
  NodeId id_;
};

inline Term apply(Operation operation, const Term& a) { return {a.graph(), a.graph().apply(operation, a.id())}; }
inline Term apply(Operation operation, const Term& a, const Term& b) {
  return {a.graph(), a.graph().apply(operation, a.id(), b.id())};
}
inline Term apply(Operation operation, const Term& a, const Term& b, const Term& c) {
  return {a.graph(), a.graph().apply(operation, a.id(), b.id(), c.id())};
}

inline Term operator-(const Term& x) { return apply(Operation::negative, x); }
inline Term operator+(const Term& a, const Term& b) { return apply(Operation::add, a, b); }
inline Term operator-(const Term& a, const Term& b) { return apply(Operation::subtract, a, b); }
inline Term operator*(const Term& a, const Term& b) { return apply(Operation::multiply, a, b); }
inline Term operator/(const Term& a, const Term& b) { return apply(Operation::divide, a, b); }
inline Term operator+(const Term& a, double b) { return a + a.constant(b); }
inline Term operator-(double a, const Term& b) { return b.constant(a) - b; }
inline Term operator*(double a, const Term& b) { return b.constant(a) * b; }
inline Term operator/(double a, const Term& b) { return b.constant(a) / b; }

inline Term abs(const Term& x) { return apply(Operation::abs, x); }
inline Term sign(const Term& x) { return apply(Operation::sign, x); }
inline Term square(const Term& x) { return apply(Operation::square, x); }
inline Term reciprocal(const Term& x) { return apply(Operation::reciprocal, x); }
inline Term exp(const Term& x) { return apply(Operation::exp, x); }
inline Term expm1(const Term& x) { return apply(Operation::expm1, x); }
inline Term log(const Term& x) { return apply(Operation::log, x); }
inline Term log1p(const Term& x) { return apply(Operation::log1p, x); }
inline Term sqrt(const Term& x) { return apply(Operation::sqrt, x); }
inline Term sin(const Term& x) { return apply(Operation::sin, x); }
inline Term cos(const Term& x) { return apply(Operation::cos, x); }
inline Term sinh(const Term& x) { return apply(Operation::sinh, x); }
inline Term cosh(const Term& x) { return apply(Operation::cosh, x); }
inline Term tanh(const Term& x) { return apply(Operation::tanh, x); }
inline Term expit(const Term& x) { return apply(Operation::expit, x); }
inline Term softplus(const Term& x) { return apply(Operation::softplus, x); }
inline Term log_cosh(const Term& x) { return apply(Operation::log_cosh, x); }
inline Term digamma(const Term& x) { return apply(Operation::digamma, x); }
inline Term trigamma(const Term& x) { return apply(Operation::trigamma, x); }
inline Term power(const Term& x, const Term& y) { return apply(Operation::power, x, y); }
inline Term logaddexp(const Term& a, const Term& b) { return apply(Operation::logaddexp, a, b); }
inline Term xlogy(const Term& x, const Term& y) { return apply(Operation::xlogy, x, y); }
inline Term less(const Term& a, const Term& b) { return apply(Operation::less, a, b); }
inline Term where(const Term& c, const Term& a, const Term& b) { return apply(Operation::where, c, a, b); }

inline bool opposite(const Term& a, const Term& b) { return opposite(a.graph(), a.id(), b.id()); }

}  // namespace curvature
