// Formulas as people write them, in the forms that neither overflow nor cancel.
#include <cmath>
#include <vector>

#include "expr/simplification.hpp"

namespace curvature {
namespace {

// c e^u, or the number c, where u is 0.
struct Exponential {
  double coefficient;
  Term exponent;
  [[nodiscard]] bool positive() const { return coefficient > 0 && std::isfinite(coefficient); }
  // Of the whole: u + log c.
  [[nodiscard]] Term logarithm() const { return exponent + std::log(coefficient); }
};

std::optional<Exponential> exponential(const Term& x) {
  if (const auto value = x.number()) return Exponential{*value, x.constant(0)};
  if (x.is(Operation::exp)) return Exponential{1, x[0]};
  if (x.is(Operation::multiply) && x[0].is_number() && x[1].is(Operation::exp)) {
    return Exponential{*x[0].number(), x[1][0]};
  }
  if (x.is(Operation::negative)) {
    auto inner = exponential(x[0]);
    if (inner) inner->coefficient = -inner->coefficient;
    return inner;
  }
  return std::nullopt;
}

// p + q of positive exponentials.
struct Pair {
  Exponential p, q;
};

std::optional<Pair> pair_of_exponentials(const Term& x) {
  if (!x.is(Operation::add)) return std::nullopt;
  const auto p = exponential(x[0]);
  const auto q = p ? exponential(x[1]) : std::nullopt;
  if (!q || !p->positive() || !q->positive()) return std::nullopt;
  return Pair{*p, *q};
}

// The parts of a sum from left to right; no recursion, since a sum may be long.
std::vector<Term> parts_of_sum(const Term& x) {
  std::vector<Term> parts, open{x};
  while (!open.empty()) {
    const Term top = open.back();
    open.pop_back();
    if (top.is(Operation::add)) {
      open.push_back(top[1]);
      open.push_back(top[0]);
    } else {
      parts.push_back(top);
    }
  }
  return parts;
}

constexpr int kMaxDepth = 8;

Simpler log_of(const Term& x, int depth);

// log(a + b + …) of positive exponentials: each step of logaddexp takes the larger one out.
Simpler log_of_sum(const Term& x, int depth) {
  if (!log_of(x[1], depth) && !x[1].is(Operation::add)) return std::nullopt;  // cheap refusal of long plain sums
  Simpler sum;
  for (const Term& part : parts_of_sum(x)) {
    const Simpler one = log_of(part, depth);
    if (!one) return std::nullopt;
    sum = sum ? logaddexp(*sum, *one) : *one;
  }
  return sum;
}

Simpler log_of(const Term& x, int depth) {
  if (depth > kMaxDepth) return std::nullopt;
  const auto of = [depth](const Term& part) { return log_of(part, depth + 1); };
  switch (x.operation()) {
    case Operation::constant:
      if (!(*x.number() > 0) || !std::isfinite(*x.number())) return std::nullopt;
      return x.constant(std::log(*x.number()));
    case Operation::exp:
      return x[0];
    case Operation::cosh:
      return log_cosh(x[0]);
    case Operation::expit:
      return -softplus(-x[0]);
    case Operation::add:
      return log_of_sum(x, depth + 1);
    case Operation::multiply:
    case Operation::divide: {
      const Simpler a = of(x[0]);
      const Simpler b = a ? of(x[1]) : std::nullopt;
      if (!b) return std::nullopt;
      return x.is(Operation::multiply) ? *a + *b : *a - *b;
    }
    case Operation::reciprocal:
      if (const Simpler inner = of(x[0])) return -*inner;
      return std::nullopt;
    case Operation::square:
      if (const Simpler inner = of(x[0])) return 2 * *inner;
      return std::nullopt;
    case Operation::sqrt:
      if (const Simpler inner = of(x[0])) return 0.5 * *inner;
      return std::nullopt;
    case Operation::power:
      if (const Simpler inner = of(x[0])) return x[1] * *inner;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

// a and b without regard to order, for rules on a + b.
Simpler stable_plus(const Term& a, const Term& b) {
  if (b.is_number(-1)) {
    if (a.is(Operation::expit)) return -expit(-a[0]);
    if (a.is(Operation::exp)) return expm1(a[0]);
    if (a.is(Operation::square) && a[0].is(Operation::tanh)) return -square(reciprocal(cosh(a[0][0])));
  }
  if (b.is_number(1) && a.is(Operation::expm1)) return exp(a[0]);
  if (b.is_number(1) && a.is(Operation::tanh)) return 2 * expit(2 * a[0]);
  if (a.operation() == b.operation() && (a.is(Operation::exp) || a.is(Operation::expit)) && opposite(a[0], b[0])) {
    return a.is(Operation::exp) ? 2 * cosh(a[0]) : a.constant(1);
  }
  if (a.is(Operation::softplus) && opposite(a[0], b)) return softplus(b);
  if (a.is(Operation::logaddexp) && opposite(a[0], b)) return softplus(a[1] - a[0]);
  if (a.is(Operation::logaddexp) && opposite(a[1], b)) return softplus(a[0] - a[1]);
  return std::nullopt;
}

// a - b; `rest` is a less its own argument b, where that has a form of its own.
Simpler without_argument(const Term& a, const Term& b) {
  if (a.is(Operation::softplus) && a[0] == b) return softplus(-b);
  if (a.is(Operation::logaddexp) && a[0] == b) return softplus(a[1] - b);
  if (a.is(Operation::logaddexp) && a[1] == b) return softplus(a[0] - b);
  return std::nullopt;
}

Simpler stable_minus(const Term& a, const Term& b) {
  if (a.is_number(1)) {
    if (b.is(Operation::expit)) return expit(-b[0]);
    if (b.is(Operation::exp)) return -expm1(b[0]);
    if (b.is(Operation::tanh)) return 2 * expit(-2 * b[0]);
    if (b.is(Operation::square) && b[0].is(Operation::tanh)) return square(reciprocal(cosh(b[0][0])));
  }
  if (a.operation() == b.operation() && (a.is(Operation::exp) || a.is(Operation::expit)) && opposite(a[0], b[0])) {
    return a.is(Operation::exp) ? 2 * apply(Operation::sinh, a[0]) : tanh(0.5 * a[0]);
  }
  if (const Simpler rest = without_argument(a, b)) return rest;
  if (const Simpler rest = without_argument(b, a)) return -*rest;
  return std::nullopt;
}

// a / (p + q) where a is a multiple of p or of q: a sigmoid of the difference of their exponents.
Simpler share_of_pair(const Term& a, const Pair& pair) {
  const auto share = exponential(a);
  if (!share) return std::nullopt;
  for (const bool first : {true, false}) {
    const Exponential& own = first ? pair.p : pair.q;
    const Exponential& other = first ? pair.q : pair.p;
    if (!(share->exponent == own.exponent)) continue;
    return (share->coefficient / own.coefficient) * expit(own.logarithm() - other.logarithm());
  }
  return std::nullopt;
}

// (p - q) / (p + q) = tanh of half the difference of their exponents.
Simpler tanh_of_pair(const Term& a, const Term& b, const Pair& pair) {
  if (a.is(Operation::expm1) && b[1].is_number(1) && b[0].is(Operation::exp) && b[0][0] == a[0])
    return tanh(0.5 * a[0]);
  if (!a.is(Operation::subtract)) return std::nullopt;
  const Term half = 0.5 * (pair.p.logarithm() - pair.q.logarithm());
  if (a[0] == b[0] && a[1] == b[1]) return tanh(half);
  if (a[0] == b[1] && a[1] == b[0]) return tanh(-half);
  return std::nullopt;
}

}  // namespace

Simpler stable_sum(const Term& a, const Term& b, bool minus) {
  if (minus) return stable_minus(a, b);
  if (const Simpler stable = stable_plus(a, b)) return stable;
  return stable_plus(b, a);
}

Simpler sigmoid_quotient(const Term& a, const Term& b) {
  if (b.is(Operation::cosh) && a.is(Operation::exp) && (a[0] == b[0] || opposite(a[0], b[0]))) {
    return 2 * expit(2 * a[0]);
  }
  if (const auto pair = pair_of_exponentials(b)) {
    if (const Simpler share = share_of_pair(a, *pair)) return share;
    if (const Simpler both = tanh_of_pair(a, b, *pair)) return both;
    if (a.is(Operation::multiply)) {  // (v e^x) / (1 + e^x)
      for (const std::size_t i : {0, 1}) {
        if (const Simpler share = share_of_pair(a[i], *pair)) return a[1 - i] * *share;
      }
    }
    if (const Simpler share = share_of_pair(a.constant(1), *pair)) return a * *share;
  }
  if (b.is(Operation::square) && b[0].is(Operation::add)) {  // e^x / (1 + e^x)^2
    const Simpler share = sigmoid_quotient(a, b[0]);
    const Simpler inverse = share ? sigmoid_quotient(a.constant(1), b[0]) : std::nullopt;
    if (inverse) return *share * *inverse;
  }
  if (!b.is(Operation::add)) return std::nullopt;
  // Anything else made of exponentials: a share of a softmax.
  const Simpler above = log_of(a, 0);
  const Simpler below = above ? log_of(b, 0) : std::nullopt;
  if (!below) return std::nullopt;
  return exp(*above - *below);
}

Simpler log_of_exponentials(const Term& x) { return log_of(x, 0); }

Simpler simpler_log(const Term& x) {
  if (x.is_number()) return std::nullopt;
  if (const Simpler known = log_of(x, 0)) return known;
  if (x.is(Operation::reciprocal)) return -log(x[0]);
  if (x.is(Operation::sqrt)) return 0.5 * log(x[0]);
  if (x.is(Operation::power) && nonnegative(x[0])) return x[1] * log(x[0]);
  if (x.is(Operation::add) && x[1].is_number(1)) return log1p(x[0]);
  if (x.is(Operation::subtract) && x[0].is_number(1)) return log1p(-x[1]);
  return std::nullopt;
}

Simpler simpler_log1p(const Term& x) {
  if (x.is_number()) return std::nullopt;
  if (x.is(Operation::expm1)) return x[0];
  if (x.is(Operation::negative) && x[0].is(Operation::expit)) return -softplus(x[0][0]);
  if (x.is(Operation::expit)) return std::nullopt;  // below 1: nothing to gain
  if (const Simpler known = log_of(x, 0)) return softplus(*known);
  return std::nullopt;
}

Simpler simpler_exp(const Term& x) {
  if (x.is(Operation::log) && nonnegative(x[0])) return x[0];
  if (x.is(Operation::log1p) && nonnegative(x[0])) return x[0] + 1;
  if (x.is(Operation::negative) && x[0].is(Operation::softplus)) return expit(-x[0][0]);
  return std::nullopt;
}

}  // namespace curvature
