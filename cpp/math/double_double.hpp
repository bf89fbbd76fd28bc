// Numbers of about 106 bits as sums of two doubles, on vectors. Included by *.isa.cpp only.
// Products are split by Dekker's method, not by fused multiply-add, which not every instruction set has.
#pragma once

#include "math/simd.hpp"

namespace curvature {
namespace {

/// high + low, where |low| is at most half an ULP of high.
struct DoubleDouble {
  Doubles high;
  Doubles low;
};

/// a + b exactly.
inline DoubleDouble exact_sum(Doubles a, Doubles b) {
  const Doubles sum = a + b;
  const Doubles b_kept = sum - a;
  return {sum, (a - (sum - b_kept)) + (b - b_kept)};
}

/// a + b exactly, for |a| >= |b|.
inline DoubleDouble exact_sum_ordered(Doubles a, Doubles b) {
  const Doubles sum = a + b;
  return {sum, b - (sum - a)};
}

/// a * b exactly, for |a|, |b| below 2^996 and products that stay far from the subnormals.
inline DoubleDouble exact_product(Doubles a, Doubles b) {
  constexpr double kSplit = 134217729.0;  // 2^27 + 1
  const Doubles a_shifted = a * kSplit;
  const Doubles b_shifted = b * kSplit;
  const Doubles a_high = a_shifted - (a_shifted - a);
  const Doubles b_high = b_shifted - (b_shifted - b);
  const Doubles a_low = a - a_high;
  const Doubles b_low = b - b_high;
  const Doubles product = a * b;
  return {product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low};
}

/// a * b to about 2^-104 of it.
inline DoubleDouble product(DoubleDouble a, DoubleDouble b) {
  const DoubleDouble leading = exact_product(a.high, b.high);
  return exact_sum_ordered(leading.high, leading.low + (a.high * b.low + a.low * b.high));
}

}  // namespace
}  // namespace curvature
