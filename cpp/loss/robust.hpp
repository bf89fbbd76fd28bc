// Losses of the residual that are a square near 0 and straight far out; d = f - y. Their steps take the curvature
// gradient / d: the parabola of that curvature that touches the loss at f lies above it everywhere (de Leeuw & Lange
// 2009), so a step never overshoots, while the exact Hessian vanishes far out.
// Included by sources that are compiled once per instruction set, hence the anonymous namespace; math/ comes first.
#pragma once

#include "loss/description.hpp"
#include "loss/not_a_number.hpp"

namespace curvature {
namespace {

/// Huber 1964.
///   value d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2)     gradient d, at most delta on either side
///   hessian 1 where |d| <= delta, else 0     curvature min(1, delta / |d|)
struct Huber {
  static constexpr Description description{.name = "huber", .of_residual = true};
  double delta = 1;
  static constexpr auto fields() {
    return std::tuple(Field{"delta", &Huber::delta, more_than(0), "Residual where the square turns into a line."});
  }
  template <class V>
  Derivatives<V> at(V y, V f) const {
    const V d = f - y;
    const V a = abs(d);
    const auto near = a <= delta;
    const V edge = V{} + delta;
    return {near ? 0.5 * d * d : delta * (a - 0.5 * delta), unless_nan(d, max(min(d, edge), -edge)),
            unless_nan(d, near ? V{} + 1.0 : V{})};
  }
  template <class V>
  V curvature(V y, V f, const Derivatives<V>&) const {
    return delta / max(abs(f - y), V{} + delta);
  }
};

/// A smooth Huber loss (Charbonnier et al. 1997); u = sqrt(1 + (d / delta)^2).
///   value delta^2 (u - 1)     gradient d / u     hessian 1 / u^3     curvature 1 / u
struct PseudoHuber {
  static constexpr Description description{.name = "pseudo_huber", .of_residual = true};
  double delta = 1;
  static constexpr auto fields() {
    return std::tuple(Field{"delta", &PseudoHuber::delta, more_than(0), "Residual where the square bends to a line."});
  }
  template <class V>
  Derivatives<V> at(V y, V f) const {
    const V s = scaled(y, f);
    const V a = abs(s);
    const V u = root(a);
    const V c = 1.0 / u;
    // delta^2 (u - 1) = d delta s / (u + 1), free of cancellation; in an order that overflows only if the result does.
    return {abs(f - y) * (delta * (a / (1.0 + u))), delta * (s * c), c * c * c};
  }
  template <class V>
  V curvature(V y, V f, const Derivatives<V>&) const {
    return 1.0 / root(abs(scaled(y, f)));
  }

 private:
  template <class V>
  V scaled(V y, V f) const {
    const V most = V{} + std::numeric_limits<double>::max();
    const V d = (f - y) / delta;
    return unless_nan(d, max(min(d, most), -most));
  }
  // Beyond 1e150, where the square would overflow, sqrt(1 + a^2) is a.
  template <class V>
  static V root(V a) {
    const V squarable = min(a, V{} + 1e150);
    return max(sqrt(1.0 + squarable * squarable), a);
  }
};

/// The logarithm of the hyperbolic cosine.
///   value log cosh d     gradient tanh d     hessian 1 / cosh(d)^2     curvature tanh(d) / d, 1 at 0
struct LogCosh {
  static constexpr Description description{.name = "log_cosh", .of_residual = true};
  template <class V>
  V exponent(V y, V f) const {
    return -2.0 * abs(f - y);
  }
  template <class V>
  Derivatives<V> at(V y, V f, V e) const {
    const V d = f - y;
    const auto slopes = hyperbolic_slopes(d);  // shorter than by way of e, which the value is made of
    return {log_cosh(d, e), slopes.tanh, slopes.sech_squared};
  }
  template <class V>
  Derivatives<V> at(V y, V f) const {
    return at(y, f, exp(exponent(y, f)));
  }
  template <class V>
  V curvature(V y, V f, const Derivatives<V>& found) const {
    const V d = f - y;
    return d == 0.0 ? V{} + 1.0 : found.gradient / d;
  }
};

}  // namespace
}  // namespace curvature
