// Python's keyword values to the core's parameter structs.
#pragma once

#include <pybind11/pybind11.h>

#include "boost/parameters.hpp"
#include "linear/parameters.hpp"
#include "linear/sgd_parameters.hpp"

namespace curvature {

/// Reads every field by its name; None is stored as 0 where it is allowed. Throws InputError naming the parameter.
[[nodiscard]] BoostParams boost_params(const pybind11::dict& values);
[[nodiscard]] LinearParams linear_params(const pybind11::dict& values);
[[nodiscard]] SgdParams sgd_params(const pybind11::dict& values);

}  // namespace curvature
