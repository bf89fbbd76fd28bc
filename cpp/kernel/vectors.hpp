// What kernels over vectors of doubles share, whatever the numbers in memory are. Included by *.isa.cpp only.
#pragma once

#include "math/simd.hpp"

namespace curvature::kernel {
namespace {

/// As many numbers as there are lanes, as doubles.
inline Doubles widened(const double* from) { return load<Doubles>(from); }
inline Doubles widened(const float* from) {
  using Floats = float __attribute__((vector_size(kLanes * 4)));
  return __builtin_convertvector(load<Floats>(from), Doubles);
}

/// The sum of all lanes, in their order.
inline double total(Doubles v) {
  double sum = 0;
  for (int lane = 0; lane < kLanes; ++lane) sum += v[lane];
  return sum;
}

}  // namespace
}  // namespace curvature::kernel
