// Losses of the residual that are made of squares or of straight pieces; d = f - y.
// Included by sources that are compiled once per instruction set, hence the anonymous namespace; math/ comes first.
#pragma once

#include "loss/description.hpp"
#include "loss/not_a_number.hpp"

namespace curvature {
namespace {

/// Half the squared error.
///   value d^2 / 2     gradient d     hessian 1
struct Squared {
  static constexpr Description description{
      .name = "squared", .start = StartRule::mean, .unit_curvature = true, .of_residual = true};
  template <class V>
  Derivatives<V> at(V y, V f) const {
    const V d = f - y;
    return {0.5 * d * d, d, unless_nan(d, V{} + 1.0)};
  }
};

/// Half the squared error of log(1 + y), y > -1; the score is on the log1p scale.
///   value (log1p(y) - f)^2 / 2     gradient f - log1p(y)     hessian 1
struct SquaredLog {
  static constexpr Description description{
      .name = "squared_log", .link = Link::log1p, .domain = {.low = -1, .low_open = true}, .unit_curvature = true};
  template <class V>
  Derivatives<V> at(V y, V f) const {
    return Squared{}.at(log1p(y), f);
  }
};

/// Asymmetric least squares; minimised by the expectile (Newey & Powell 1987).
///   value c d^2     gradient 2 c d     hessian 2 c     with c = level where y >= f, else 1 - level
struct Expectile {
  static constexpr Description description{.name = "expectile", .of_residual = true};
  double level = 0.5;
  static constexpr auto fields() {
    return std::tuple(Field{"level", &Expectile::level, inside(0, 1), "Weight of a score below y; 0.5: half squared."});
  }
  template <class V>
  Derivatives<V> at(V y, V f) const {
    const V d = f - y;
    const V c = d > 0.0 ? V{} + (1.0 - level) : V{} + level;
    return {c * d * d, 2.0 * c * d, unless_nan(d, 2.0 * c)};
  }
};

/// Half the squared error, with its own weight on either side.
///   value c d^2 / 2     gradient c d     hessian c     with c = under where y > f, else over
struct Asymmetric {
  static constexpr Description description{.name = "asymmetric", .of_residual = true};
  double over = 1;
  double under = 10;
  static constexpr auto fields() {
    return std::tuple(Field{"over", &Asymmetric::over, more_than(0), "Weight where the score is above y."},
                      Field{"under", &Asymmetric::under, more_than(0), "Weight where the score is below y."});
  }
  template <class V>
  Derivatives<V> at(V y, V f) const {
    const V d = f - y;
    const V c = d < 0.0 ? V{} + under : V{} + over;
    return {0.5 * c * d * d, c * d, unless_nan(d, c)};
  }
};

/// The absolute error; minimised by the median. A step takes 1 in place of the Hessian.
///   value |d|     gradient sign(d), 0 at 0     hessian 0
struct Absolute {
  static constexpr Description description{.name = "absolute",
                                           .leaf_rule = LeafRule::quantile,
                                           .start = StartRule::quantile,
                                           .unit_curvature = true,
                                           .of_residual = true};
  template <class V>
  Derivatives<V> at(V y, V f) const {
    const V d = f - y;
    const V sign = (d > 0.0 ? V{} + 1.0 : V{}) - (d < 0.0 ? V{} + 1.0 : V{});
    return {abs(d), unless_nan(d, sign), unless_nan(d, V{})};
  }
  template <class V>
  V curvature(V, V, const Derivatives<V>&) const {
    return V{} + 1.0;
  }
};

/// The check function; minimised by the quantile (Koenker & Bassett 1978). A step takes 1 in place of the Hessian.
///   value max(level (y - f), (level - 1) (y - f))     gradient -level or 1 - level, 0 at y = f     hessian 0
struct Quantile {
  static constexpr Description description{.name = "quantile",
                                           .leaf_rule = LeafRule::quantile,
                                           .start = StartRule::quantile,
                                           .unit_curvature = true,
                                           .of_residual = true};
  double level = 0.5;
  static constexpr auto fields() {
    return std::tuple(Field{"level", &Quantile::level, inside(0, 1), "Share of y that shall lie below the score."});
  }
  [[nodiscard]] double quantile_level() const { return level; }
  template <class V>
  Derivatives<V> at(V y, V f) const {
    const V d = f - y;
    const V above = V{} + (1.0 - level);
    const V below = V{} + level;
    const V slope = d > 0.0 ? above : (d < 0.0 ? -below : V{});
    return {max(-below * d, above * d), unless_nan(d, slope), unless_nan(d, V{})};
  }
  template <class V>
  V curvature(V, V, const Derivatives<V>&) const {
    return V{} + 1.0;
  }
};

/// The absolute error beyond a width that costs nothing (Vapnik 1995). A step takes 1 in place of the Hessian.
///   value max(|d| - epsilon, 0)     gradient sign(d) where |d| > epsilon, else 0     hessian 0
struct EpsilonInsensitive {
  static constexpr Description description{.name = "epsilon_insensitive",
                                           .leaf_rule = LeafRule::quantile,
                                           .start = StartRule::quantile,
                                           .unit_curvature = true,
                                           .of_residual = true};
  double epsilon = 0.1;
  static constexpr auto fields() {
    return std::tuple(
        Field{"epsilon", &EpsilonInsensitive::epsilon, at_least(0), "Distance from y up to which nothing is lost."});
  }
  [[nodiscard]] double insensitive_width() const { return epsilon; }
  template <class V>
  Derivatives<V> at(V y, V f) const {
    const V d = f - y;
    const V sign = d > epsilon ? V{} + 1.0 : (d < -epsilon ? V{} - 1.0 : V{});
    return {unless_nan(d, max(abs(d) - epsilon, V{})), unless_nan(d, sign), unless_nan(d, V{})};
  }
  template <class V>
  V curvature(V, V, const Derivatives<V>&) const {
    return V{} + 1.0;
  }
};

}  // namespace
}  // namespace curvature
