#include "expr/simplification.hpp"

#include <cmath>
#include <numbers>

namespace curvature {
namespace {

Simpler simpler_negative(const Term& x) {
  if (x.is(Operation::negative)) return x[0];
  if (x.is(Operation::subtract)) return x[1] - x[0];
  if (x.is(Operation::add) && x[1].is_number()) return -x[1] - x[0];
  if ((x.is(Operation::multiply) || x.is(Operation::divide)) && x[0].is_number())
    return apply(x.operation(), -x[0], x[1]);
  if (x.is(Operation::where) && x[1].is_number() && x[2].is_number()) return where(x[0], -x[1], -x[2]);
  return std::nullopt;
}

bool starts_with_minus(const Term& x) {
  return x.is(Operation::negative) || (x.is(Operation::multiply) && x[0].is_number() && *x[0].number() < 0);
}

// f(-x) = f(x); of x - y and y - x one is taken, so that both are shared.
Simpler even(Operation operation, const Term& x) {
  if (starts_with_minus(x) || reversed(x)) return apply(operation, -x);
  return std::nullopt;
}

// f(-x) = -f(x)
Simpler odd(Operation operation, const Term& x) {
  if (starts_with_minus(x)) return -apply(operation, -x);
  return std::nullopt;
}

Simpler simpler_square(const Term& x) {
  if (x.is(Operation::abs)) return square(x[0]);
  if (x.is(Operation::exp)) return exp(2 * x[0]);
  if (x.is(Operation::sqrt) && nonnegative(x[0])) return x[0];
  if (x.is(Operation::multiply) && x[0].is_number() && harmless(*x[0].number() * *x[0].number())) {
    return square(x[0]) * square(x[1]);
  }
  return even(Operation::square, x);
}

Simpler simpler_abs(const Term& x) {
  if (nonnegative(x)) return x;
  if (x.is(Operation::multiply) && x[0].is_number()) return abs(x[0]) * abs(x[1]);
  return even(Operation::abs, x);
}

Simpler simpler_sqrt(const Term& x) {
  if (x.is(Operation::square)) return abs(x[0]);
  if (x.is(Operation::exp)) return exp(0.5 * x[0]);
  return std::nullopt;
}

Simpler simpler_expm1(const Term& x) {
  if (x.is(Operation::log1p) && nonnegative(x[0])) return x[0];
  return std::nullopt;
}

Simpler simpler_logaddexp(const Term& a, const Term& b) {
  if (a.is_number(0)) return softplus(b);
  if (b.is_number(0)) return softplus(a);
  if (a == b) return a + std::numbers::ln2;
  return std::nullopt;
}

Simpler simpler_choice(Operation operation, const Term& a, const Term& b) {
  if (a == b) return a;
  if (!opposite(a, b)) return std::nullopt;
  return operation == Operation::maximum ? abs(a) : -abs(a);
}

Simpler simpler_xlogy(const Term& x, const Term& y) {
  if (x.is_number(0)) return x;
  if (x.is_number()) return x * log(y);
  if (y.is_number()) return std::nullopt;
  if (const Simpler log_y = log_of_exponentials(y)) return x * *log_y;  // y > 0: no case apart
  return std::nullopt;
}

Simpler simpler_where(const Term& condition, const Term& a, const Term& b) {
  if (a == b) return a;
  if (const auto value = condition.number()) return *value != 0 ? a : b;
  if (condition.is(Operation::not_)) return where(condition[0], b, a);
  return std::nullopt;
}

Simpler simpler_unary(Operation operation, const Term& x) {
  switch (operation) {
    case Operation::negative:
      return simpler_negative(x);
    case Operation::abs:
      return simpler_abs(x);
    case Operation::square:
      return simpler_square(x);
    case Operation::reciprocal:
      return simpler_reciprocal(x);
    case Operation::exp:
      return simpler_exp(x);
    case Operation::expm1:
      return simpler_expm1(x);
    case Operation::log:
      return simpler_log(x);
    case Operation::log1p:
      return simpler_log1p(x);
    case Operation::sqrt:
      return simpler_sqrt(x);
    case Operation::log_expit:
      return -softplus(-x);  // one form for both, so that they are shared
    case Operation::sign:
    case Operation::sin:
    case Operation::arctan:
    case Operation::sinh:
    case Operation::tanh:
    case Operation::erf:
      return odd(operation, x);
    case Operation::cos:
    case Operation::cosh:
    case Operation::log_cosh:
      return even(operation, x);
    default:
      return std::nullopt;
  }
}

Simpler simpler_binary(Operation operation, const Term& a, const Term& b) {
  switch (operation) {
    case Operation::add:
      return simpler_sum(a, b);
    case Operation::subtract:
      return simpler_difference(a, b);
    case Operation::multiply:
      return simpler_product(a, b);
    case Operation::divide:
      return simpler_quotient(a, b);
    case Operation::power:
      return simpler_power(a, b);
    case Operation::minimum:
    case Operation::maximum:
      return simpler_choice(operation, a, b);
    case Operation::logaddexp:
      return simpler_logaddexp(a, b);
    case Operation::xlogy:
      return simpler_xlogy(a, b);
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<NodeId> simplified(Graph& graph, Operation operation, NodeId a, NodeId b, NodeId c) {
  const Term x(graph, a);
  const Simpler simpler = b == kNoNode   ? simpler_unary(operation, x)
                          : c == kNoNode ? simpler_binary(operation, x, Term(graph, b))
                                         : simpler_where(x, Term(graph, b), Term(graph, c));
  if (!simpler) return std::nullopt;
  return simpler->id();
}

}  // namespace curvature
