// Losses of two classes as -1 and 1, functions of the margin z = y f.
// Included by sources that are compiled once per instruction set, hence the anonymous namespace; math/ comes first.
#pragma once

#include "loss/description.hpp"
#include "loss/not_a_number.hpp"

namespace curvature {
namespace {

/// AdaBoost's loss (Friedman, Hastie & Tibshirani 2000).
///   value e^-z     gradient -y e^-z     hessian e^-z
struct Exponential {
  static constexpr Description description{.name = "exponential",
                                           .link = Link::half_logit,
                                           .domain = kSignedLabels,
                                           .leaf_rule = LeafRule::halved,
                                           .start = StartRule::mean};
  template <class V>
  Derivatives<V> at(V y, V f) const {
    const V value = exp(-y * f);
    return {value, -y * value, value};
  }
};

/// Support vector machines' loss (Cortes & Vapnik 1995).
///   value max(1 - z, 0)     gradient -y where z < 1, else 0     hessian 0     curvature 1 where z < 1, else 0
struct Hinge {
  static constexpr Description description{.name = "hinge", .domain = kSignedLabels, .leaf_rule = LeafRule::halved};
  template <class V>
  Derivatives<V> at(V y, V f) const {
    const V short_of = 1.0 - y * f;
    const V slope = short_of > 0.0 ? -y : V{};
    return {unless_nan(short_of, max(short_of, V{})), unless_nan(short_of, slope), unless_nan(short_of, V{})};
  }
  template <class V>
  V curvature(V y, V f, const Derivatives<V>&) const {
    return y * f < 1.0 ? V{} + 1.0 : V{};
  }
};

///   value max(1 - z, 0)^2     gradient -2 y max(1 - z, 0)     hessian 2 where z < 1, else 0
struct SquaredHinge {
  static constexpr Description description{
      .name = "squared_hinge", .domain = kSignedLabels, .leaf_rule = LeafRule::halved};
  template <class V>
  Derivatives<V> at(V y, V f) const {
    const V z = y * f;
    const V short_of = unless_nan(z, max(1.0 - z, V{}));
    return {short_of * short_of, -2.0 * y * short_of, unless_nan(z, short_of > 0.0 ? V{} + 2.0 : V{})};
  }
};

/// The squared hinge with a straight branch for rows far on the wrong side (Zhang 2004).
///   value max(1 - z, 0)^2 where z >= -1, else -4 z     gradient -2 y max(1 - z, 0), at most 4 in size
///   hessian 2 where -1 <= z < 1, else 0     curvature 2 where z < 1, else 0
struct ModifiedHuber {
  static constexpr Description description{
      .name = "modified_huber", .link = Link::clipped, .domain = kSignedLabels, .leaf_rule = LeafRule::halved};
  template <class V>
  Derivatives<V> at(V y, V f) const {
    const V z = y * f;
    const V short_of = max(1.0 - z, V{});
    const V value = z < -1.0 ? -4.0 * z : short_of * short_of;
    const V hessian = z < -1.0 || z >= 1.0 ? V{} : V{} + 2.0;
    return {unless_nan(z, value), unless_nan(z, -2.0 * y * min(short_of, V{} + 2.0)), unless_nan(z, hessian)};
  }
  template <class V>
  V curvature(V y, V f, const Derivatives<V>&) const {
    return y * f < 1.0 ? V{} + 2.0 : V{};
  }
};

/// Rosenblatt's perceptron (1958). Scores of 0 cost nothing, so no step away from them may wait for a lower loss.
///   value max(-z, 0)     gradient -y where z <= 0, else 0     hessian 0     curvature 1 where z <= 0, else 0
struct Perceptron {
  static constexpr Description description{
      .name = "perceptron", .domain = kSignedLabels, .leaf_rule = LeafRule::newton, .start = StartRule::zero};
  template <class V>
  Derivatives<V> at(V y, V f) const {
    const V z = y * f;
    const V slope = z <= 0.0 ? -y : V{};
    return {unless_nan(z, max(-z, V{})), unless_nan(z, slope), unless_nan(z, V{})};
  }
  template <class V>
  V curvature(V y, V f, const Derivatives<V>&) const {
    return y * f <= 0.0 ? V{} + 1.0 : V{};
  }
};

}  // namespace
}  // namespace curvature
