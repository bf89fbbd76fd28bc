// Codes of levels as NumPy's arrays.
#pragma once

#include <pybind11/numpy.h>

#include "data/levels.hpp"

namespace curvature {

/// The codes, moved, not copied.
[[nodiscard]] pybind11::array codes_array(Codes::Store&& store);

}  // namespace curvature
