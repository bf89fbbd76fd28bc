// NumPy arrays and compressed sparse rows as a design, where they lie in memory.
#pragma once

#include <pybind11/numpy.h>

#include "data/design.hpp"

namespace curvature {

/// A 2-D array of float32 or float64 whose rows or columns are whole, or the tuple (values, columns, begin, shape) of
/// compressed sparse rows with float32 or float64 values, int32 columns and int64 begin. The object must outlive the
/// design. Throws InputError for anything else, and for rows or columns out of range.
[[nodiscard]] Design design_of(const pybind11::object& X);

}  // namespace curvature
