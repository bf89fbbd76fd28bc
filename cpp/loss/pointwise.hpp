// The loops over rows that every pointwise loss shares, once per instruction set.
#pragma once

#include <cstddef>

#include "base/instruction_set.hpp"

namespace curvature {

/// Loops of one loss over a block of rows; y and f are targets and raw scores.
struct PointwiseLoops {
  const char* name;
  void (*values)(const double* y, const double* f, double* values, std::size_t n);
  void (*derivatives)(const double* y, const double* f, double* gradients, double* hessians, std::size_t n);
};

struct PointwiseTable {
  const PointwiseLoops* losses;
  std::size_t n_losses;
};

extern const PointwiseTable pointwise_table_baseline;
extern const PointwiseTable pointwise_table_v3;
extern const PointwiseTable pointwise_table_v4;

}  // namespace curvature
