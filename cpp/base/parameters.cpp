#include "base/parameters.hpp"

#include <cmath>

namespace curvature {

std::string describe(const Bounds& bounds) {
  std::string text;
  if (std::isinf(bounds.high)) {
    text = sentence(bounds.low_open ? "more than " : "at least ", bounds.low, " and finite");
  } else {
    text = sentence("in ", bounds.low_open ? "(" : "[", bounds.low, ", ", bounds.high, bounds.high_open ? ")" : "]");
  }
  return bounds.none_allowed ? text + ", or None" : text;
}

}  // namespace curvature
