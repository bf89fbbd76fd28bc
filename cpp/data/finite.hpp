// Whether all numbers of a design are finite.
#pragma once

#include <cstddef>
#include <optional>

#include "data/design.hpp"

namespace curvature {

struct Place {
  std::size_t row = 0;
  std::size_t column = 0;
};

/// Where the first NaN or infinity stands (row by row), if there is one. Reads the numbers once.
[[nodiscard]] std::optional<Place> first_not_finite(const Design& design, int threads);

}  // namespace curvature
