// Which columns join those that coordinate descent works on.
#pragma once

#include <cstdint>
#include <vector>

#include "linear/working_columns.hpp"

namespace curvature {

struct WorkingSetGrowth {
  std::vector<std::int32_t> added;  // ascending
  bool takes_all = false;
};

/// Columns in use that are not there yet, and those that violate optimality most: about as many as are in use, at least
/// half as many as there are, so that a Gram matrix is built few times over. All columns where these are most of them.
[[nodiscard]] WorkingSetGrowth growth_of(const WorkingColumns& working, const std::vector<double>& violations,
                                         const std::vector<char>& is_used);

}  // namespace curvature
