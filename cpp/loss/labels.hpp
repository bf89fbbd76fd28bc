// Losses of two classes as 0 and 1 (or of shares between) on the logit scale: p = 1 / (1 + e^-f).
// Included by sources that are compiled once per instruction set, hence the anonymous namespace; math/ comes first.
#pragma once

#include "loss/description.hpp"
#include "loss/not_a_number.hpp"

namespace curvature {
namespace {

/// Bernoulli log-likelihood, y in [0, 1].
///   value log(1 + e^f) - y f     gradient p - y     hessian p (1 - p)
struct Logistic {
  static constexpr Description description{
      .name = "logistic", .link = Link::logit, .domain = kShares, .start = StartRule::mean};
  template <class V>
  V exponent(V, V f) const {
    return -abs(f);
  }
  template <class V>
  Derivatives<V> at(V y, V f, V e) const {
    // From e = e^-|f|, the smaller of p and 1 - p keeps all its digits on either side.
    const V larger = 1.0 / (1.0 + e);
    const V smaller = e * larger;
    const V gradient = f < 0.0 ? smaller - y : (1.0 - y) - smaller;
    // Both terms are at least 0: no cancellation.
    const V value = (f < 0.0 ? -y : 1.0 - y) * f + log1p_of_fraction(e);
    return {value, gradient, larger * smaller};
  }
};

/// Divergence of y from p, y in [0, 1]: the logistic loss less what no score can save.
///   value y log y + (1 - y) log(1 - y) + log(1 + e^f) - y f     gradient p - y     hessian p (1 - p)
struct KullbackLeibler {
  static constexpr Description description{
      .name = "kullback_leibler", .link = Link::logit, .domain = kShares, .start = StartRule::mean};
  template <class V>
  V exponent(V, V f) const {
    return -abs(f);
  }
  template <class V>
  Derivatives<V> at(V y, V f, V e) const {
    Derivatives<V> found = Logistic{}.at(y, f, e);
    found.value = max(V{}, found.value + (times_log(y) + times_log(1.0 - y)));
    return found;
  }

 private:
  template <class V>
  static V times_log(V y) {  // 0 at 0
    return y * log(max(y, V{} + std::numeric_limits<double>::min()));
  }
};

/// Focal loss (Lin et al. 2017), y 0 or 1: the logistic loss, less of it the surer the score is right. With z = f
/// for y = 1 and -f for y = 0, p of z, q = 1 - p:
///   value -q^gamma log p     gradient (gamma p q^gamma log p - q^(gamma + 1)) dz/df
///   hessian p q^gamma (gamma (q - gamma p) log p + (2 gamma + 1) q)     curvature |hessian|
struct Focal {
  static constexpr Description description{
      .name = "focal", .link = Link::logit, .domain = kBinaryLabels, .leaf_rule = LeafRule::halved};
  double gamma = 2;
  static constexpr auto fields() {
    return std::tuple(Field{"gamma", &Focal::gamma, at_least(0), "How fast sure rows fade; 0: the logistic loss."});
  }
  template <class V>
  V exponent(V, V f) const {
    return -abs(f);
  }
  template <class V>
  Derivatives<V> at(V y, V f, V e) const {
    const V z = y > 0.5 ? f : -f;
    const V larger = 1.0 / (1.0 + e);
    const V smaller = e * larger;
    const V p = z < 0.0 ? smaller : larger;
    const V q = z < 0.0 ? larger : smaller;
    const V tail = log1p_of_fraction(e);
    const V log_p = min(z, V{}) - tail;
    const V fade = exp(gamma * (min(-z, V{}) - tail));  // q^gamma
    const V slope = fade * (gamma * p * log_p - q);
    const V hessian = p * fade * (gamma * (q - gamma * p) * log_p + (2.0 * gamma + 1.0) * q);
    return {-fade * log_p, y > 0.5 ? slope : -slope, hessian};
  }
  template <class V>
  V curvature(V, V, const Derivatives<V>& found) const {
    return abs(found.hessian);
  }
};

/// Share of wrong classes, y 0 or 1. A metric: it has no slope to follow.
///   value 1 where (f > 0) differs from y, else 0
struct ZeroOne {
  static constexpr Description description{
      .name = "zero_one", .domain = kBinaryLabels, .start = StartRule::zero, .fits = false};
  template <class V>
  Derivatives<V> at(V y, V f) const {
    const V predicted = f > 0.0 ? V{} + 1.0 : V{};
    return {unless_nan(f, abs(predicted - y)), unless_nan(f, V{}), unless_nan(f, V{})};
  }
};

}  // namespace
}  // namespace curvature
