#pragma once

#include <limits>

#include "loss/derivatives.hpp"
#include "math/link.hpp"

namespace curvature {

/// Half the squared error, y any finite number.
///   value (y - f)^2 / 2     gradient f - y     hessian 1
struct Squared {
  static constexpr const char* name = "squared";
  static constexpr Link link = Link::identity;
  static constexpr Domain domain{std::numeric_limits<double>::lowest(), std::numeric_limits<double>::max()};
  static constexpr bool constant_hessian = true;
  template <class V>
  static Derivatives<V> at(V y, V f) {
    const V residual = f - y;
    return {0.5 * residual * residual, residual, V{} + 1.0};
  }
};

}  // namespace curvature
