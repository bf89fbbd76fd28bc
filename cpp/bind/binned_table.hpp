// Binned tables as Python holds them, and their parts as arrays.
#pragma once

#include <memory>

#include <pybind11/numpy.h>

#include "data/binned_table.hpp"

namespace curvature {

/// A binned table and what keeps its memory alive.
struct BoundBinnedTable {
  BinnedTable table;
  pybind11::object memory = pybind11::none();
};

}  // namespace curvature
