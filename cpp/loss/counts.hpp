// Losses of counts and of amounts on the log scale: each is a negative log-likelihood less terms in y alone, and is
// least where e^f is the mean of y. Included by sources that are compiled once per instruction set, hence the
// anonymous namespace; math/ comes first.
#pragma once

#include "loss/description.hpp"

namespace curvature {
namespace {

/// Poisson, y >= 0.
///   value e^f - y f     gradient e^f - y     hessian e^f
struct Poisson {
  static constexpr Description description{.name = "poisson",
                                           .link = Link::log,
                                           .domain = kNotNegative,
                                           .leaf_rule = LeafRule::halved,
                                           .start = StartRule::mean,
                                           .few_operations = true};
  template <class V>
  V exponent(V, V f) const {
    return f;
  }
  template <class V>
  Derivatives<V> at(V y, V f, V mean) const {
    return {mean - y * f, mean - y, mean};
  }
};

/// Gamma, y > 0.
///   value y e^-f + f     gradient 1 - y e^-f     hessian y e^-f
struct Gamma {
  static constexpr Description description{.name = "gamma",
                                           .link = Link::log,
                                           .domain = kPositive,
                                           .leaf_rule = LeafRule::halved,
                                           .start = StartRule::mean,
                                           .few_operations = true};
  template <class V>
  V exponent(V, V f) const {
    return -f;
  }
  template <class V>
  Derivatives<V> at(V y, V f, V e) const {
    const V ratio = y * e;
    return {ratio + f, 1.0 - ratio, ratio};
  }
};

/// Tweedie of variance mean^power: a Poisson number of gamma amounts (Jorgensen 1987), y >= 0.
///   value a / (power - 1) + b / (2 - power)     gradient b - a     hessian (power - 1) a + (2 - power) b
///   with a = y e^((1 - power) f) and b = e^((2 - power) f)
struct Tweedie {
  static constexpr Description description{.name = "tweedie",
                                           .link = Link::log,
                                           .domain = kNotNegative,
                                           .leaf_rule = LeafRule::halved,
                                           .start = StartRule::mean};
  double power = 1.5;
  static constexpr auto fields() {
    return std::tuple(Field{"power", &Tweedie::power, inside(1, 2), "Power of the mean that the variance grows with."});
  }
  template <class V>
  Derivatives<V> at(V y, V f) const {
    const double up = 2.0 - power;
    const double down = power - 1.0;
    const V a = y > 0.0 ? y * exp(-down * f) : V{};  // 0 even where the power overflows
    const V b = exp(up * f);
    return {a / down + b / up, b - a, down * a + up * b};
  }
};

/// Negative binomial of variance mean + dispersion mean^2 (Hilbe 2011), y >= 0.
///   value (y + 1/a) log(1 + a e^f) - y f     gradient p / a - y (1 - p)     hessian (y + 1/a) p (1 - p)
///   with a = dispersion and p = a e^f / (1 + a e^f)
struct NegativeBinomial {
  static constexpr Description description{.name = "negative_binomial",
                                           .link = Link::log,
                                           .domain = kNotNegative,
                                           .leaf_rule = LeafRule::halved,
                                           .start = StartRule::mean};
  double dispersion = 1;
  static constexpr auto fields() {
    return std::tuple(Field{"dispersion", &NegativeBinomial::dispersion, more_than(0),
                            "Variance beyond the mean, per mean squared."});
  }
  template <class V>
  V exponent(V, V f) const {
    return -abs(f);
  }
  template <class V>
  Derivatives<V> at(V y, V f, V e) const {
    // 1 - p = q; both from parts that cannot overflow, with all their digits.
    const V up = f < 0.0 ? dispersion * e : V{} + dispersion;
    const V down = f < 0.0 ? V{} + 1.0 : e;
    const V per_sum = 1.0 / (up + down);
    const V p = up * per_sum;
    const V q = down * per_sum;
    const double size = 1.0 / dispersion;
    return {(y + size) * softplus(f + log_of_constant(V{} + dispersion)) - y * f, size * p - y * q,
            (y + size) * (p * q)};
  }
};

}  // namespace
}  // namespace curvature
