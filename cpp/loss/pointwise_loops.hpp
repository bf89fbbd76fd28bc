// The loops over rows that the losses of a single score share, once per instruction set.
#pragma once

#include <cstddef>

#include "base/instruction_set.hpp"

namespace curvature {

/// Loops of one loss over a block of n rows; y and f are targets and scores, `parameters` those of the loss.
struct PointwiseLoops {
  using Values = void (*)(const double* y, const double* f, const double* parameters, std::size_t n, double* values);
  using Pairs = void (*)(const double* y, const double* f, const double* parameters, std::size_t n, double* gradients,
                         double* curvatures);
  Values values;
  Pairs derivatives;
  Pairs steps;
};

/// In the order of BuiltinLosses.
struct PointwiseTable {
  const PointwiseLoops* losses;
};

extern const PointwiseTable pointwise_table_baseline;
extern const PointwiseTable pointwise_table_v3;
extern const PointwiseTable pointwise_table_v4;

}  // namespace curvature
