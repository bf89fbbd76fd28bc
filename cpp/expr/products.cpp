// Products, quotients and powers: numbers and signs in front, equal factors together.
#include <cmath>

#include "expr/simplification.hpp"

namespace curvature {
namespace {

bool is_product(const Term& x) { return x.is(Operation::multiply); }
bool has_number(const Term& x) { return is_product(x) && x[0].is_number(); }  // c u

bool chooses_numbers(const Term& x) { return x.is(Operation::where) && x[1].is_number() && x[2].is_number(); }

Simpler equal_factors(const Term& a, const Term& b) {
  if (a == b) return square(a);
  if (is_product(b) && b[0] == a) return square(a) * b[1];  // u (u v)
  if (is_product(b) && b[1] == a) return square(a) * b[0];
  if (a.is(Operation::sign) && b.is(Operation::abs) && a[0] == b[0]) return a[0];
  if (a.is(Operation::sign) && a[0] == b) return abs(b);
  return std::nullopt;
}

// c b, c a number
Simpler scaled(const Term& c, const Term& b) {
  if (c.is_number(0)) return c;
  if (c.is_number(1)) return b;
  if (c.is_number(-1)) return -b;
  if (b.is(Operation::negative)) return -c * b[0];
  const bool quotient = b.is(Operation::divide);
  if ((has_number(b) || quotient) && b[0].is_number()) {
    const double together = *c.number() * *b[0].number();
    if (harmless(together)) return quotient ? together / b[1] : together * b[1];
  }
  if (reversed(b) && b.is(Operation::subtract)) return -c * -b;
  if (chooses_numbers(b)) return where(b[0], c * b[1], c * b[2]);
  if (is_product(b) && chooses_numbers(b[0])) return (c * b[0]) * b[1];
  if (is_product(b) && chooses_numbers(b[1])) return b[0] * (c * b[1]);
  return std::nullopt;
}

Simpler factor(const Term& a, const Term& b) {
  if (a.is_number()) return scaled(a, b);
  if (b.is_number()) return std::nullopt;  // its turn comes with a and b exchanged
  if (has_number(a)) return a[0] * (a[1] * b);
  if (a.is(Operation::negative)) return -(a[0] * b);
  if (b.is(Operation::reciprocal)) return a / b[0];
  if (b.is(Operation::divide) && b[1] == a) return b[0];
  // e^x / (1 + e^x), written as a product
  if (a.is(Operation::exp) && b.is(Operation::expit) && opposite(a[0], b[0])) return expit(a[0]);
  if (a.is(Operation::exp) && b.is(Operation::square) && b[0].is(Operation::expit) && opposite(a[0], b[0][0])) {
    return expit(a[0]) * b[0];
  }
  if (const Simpler power = equal_factors(a, b)) return power;
  if (reversed(a)) return -(-a * b);
  return std::nullopt;
}

// (u v) / w where u / w is known
Simpler divided_factor(const Term& a, const Term& b) {
  if (!is_product(a)) return std::nullopt;
  for (const std::size_t i : {0, 1}) {
    const Term &u = a[i], &v = a[1 - i];
    if (u == b) return v;
    if (u.is(Operation::sinh) && b.is(Operation::cosh) && u[0] == b[0]) return v * tanh(u[0]);
    if (u.is(Operation::square) && u[0] == b) return v * b;
  }
  return std::nullopt;
}

}  // namespace

bool reversed(const Term& x) {
  if (x.is(Operation::subtract)) return x[1].id() < x[0].id() && !x[0].is_number();
  return x.is(Operation::add) && x[1].is_number() && *x[1].number() < 0;
}

bool harmless(double value) { return std::abs(value) > 1e-150 && std::abs(value) < 1e150; }

bool nonnegative(const Term& x) {
  switch (x.operation()) {
    case Operation::constant:
      return *x.number() >= 0;
    case Operation::exp:
    case Operation::square:
    case Operation::abs:
    case Operation::sqrt:
    case Operation::cosh:
    case Operation::expit:
    case Operation::softplus:
    case Operation::log_cosh:
      return true;
    case Operation::add:
    case Operation::multiply: {  // one step down only, so that a long sum costs nothing
      const auto leaf = [](const Term& part) {
        return !part.is(Operation::add) && !part.is(Operation::multiply) && nonnegative(part);
      };
      const Term inner = x[1];
      const bool scaled_leaf = has_number(inner) && *inner[0].number() >= 0 && leaf(inner[1]);
      const Term outer = x[0];
      const bool scaled_outer = has_number(outer) && *outer[0].number() >= 0 && leaf(outer[1]);
      return (leaf(x[0]) || scaled_outer) && (leaf(x[1]) || scaled_leaf);
    }
    default:
      return false;
  }
}

Simpler simpler_product(const Term& a, const Term& b) {
  if (const Simpler simpler = factor(a, b)) return simpler;
  return factor(b, a);
}

Simpler simpler_quotient(const Term& a, const Term& b) {
  if (b.is_number(1)) return a;
  if (b.is_number(-1)) return -a;
  if (a.is_number(1)) return reciprocal(b);
  if (a.is_number(0)) return a;
  if (a == b) return a.constant(1);
  if (b.is_number() && harmless(*b.number())) return (1 / b) * a;
  if (a.is(Operation::negative)) return -(a[0] / b);
  if (b.is(Operation::negative)) return -(a / b[0]);
  if (has_number(a) && harmless(*a[0].number())) return a[0] * (a[1] / b);
  if (has_number(b) && harmless(*b[0].number())) return a.is_number() ? (a / b[0]) / b[1] : (1 / b[0]) * (a / b[1]);
  if (b.is(Operation::reciprocal)) return a * b[0];
  if (b.is(Operation::divide)) return (a * b[1]) / b[0];
  if (b.is(Operation::exp)) return a * exp(-b[0]);
  if (a.is(Operation::sinh) && b.is(Operation::cosh) && a[0] == b[0]) return tanh(a[0]);
  if (a.is(Operation::square) && a[0] == b) return b;
  if (b.is(Operation::square) && b[0] == a) return reciprocal(a);
  if (const Simpler sigmoid = sigmoid_quotient(a, b)) return sigmoid;
  if (const Simpler factor = divided_factor(a, b)) return factor;
  if (reversed(a)) return -(-a / b);
  return std::nullopt;
}

Simpler simpler_reciprocal(const Term& x) {
  if (x.is(Operation::reciprocal)) return x[0];
  if (x.is(Operation::negative)) return -reciprocal(x[0]);
  if (x.is(Operation::divide)) return x[1] / x[0];
  if (x.is(Operation::exp)) return exp(-x[0]);
  if (has_number(x) && harmless(*x[0].number())) return (1 / x[0]) / x[1];
  return sigmoid_quotient(x.constant(1), x);
}

Simpler simpler_power(const Term& x, const Term& y) {
  if (x.is_number(1)) return x;
  if (x.is_number(std::exp(1.0))) return exp(y);
  const auto exponent = y.number();
  if (!exponent) return std::nullopt;
  if (*exponent == 0) return x.constant(1);
  if (*exponent == 1) return x;
  if (*exponent == 2) return square(x);
  if (*exponent == 3) return x * square(x);
  if (*exponent == 4) return square(square(x));
  if (*exponent == 0.5) return sqrt(x);
  if (*exponent == 1.5) return x * sqrt(x);
  if (*exponent == -0.5 || *exponent == -1 || *exponent == -1.5 || *exponent == -2) {
    return reciprocal(power(x, x.constant(-*exponent)));
  }
  if (x.is(Operation::exp)) return exp(y * x[0]);
  if (x.is(Operation::reciprocal)) return power(x[0], -y);
  if (x.is(Operation::power) && x[1].is_number() && nonnegative(x[0])) return power(x[0], x[1] * y);
  return std::nullopt;
}

}  // namespace curvature
