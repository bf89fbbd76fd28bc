#pragma once

#include "loss/derivatives.hpp"
#include "math/link.hpp"

namespace curvature {

/// Bernoulli log-likelihood on the logit scale, y in [0, 1].
///   value log(1 + e^f) - y f     gradient p - y     hessian p (1 - p)     with p = 1 / (1 + e^-f)
struct Logistic {
  static constexpr const char* name = "logistic";
  static constexpr Link link = Link::logit;
  static constexpr Domain domain{0.0, 1.0};
  static constexpr bool constant_hessian = false;
  template <class V>
  static Derivatives<V> at(V y, V f) {
    // From e^-|f|, the smaller of p and 1 - p keeps all its digits on either side.
    const V e = exp(-abs(f));
    const V larger = 1.0 / (1.0 + e);
    const V smaller = e * larger;
    const V gradient = f < 0.0 ? smaller - y : (1.0 - y) - smaller;
    return {softplus(f) - y * f, gradient, larger * smaller};
  }
};

}  // namespace curvature
