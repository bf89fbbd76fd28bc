// exp, log, log1p and what losses make of them, on vectors. Included by *.isa.cpp only.
// No fused multiply-add, so every instruction set gives the same bits.
#pragma once

#include "math/simd.hpp"

namespace curvature {
namespace {

/// e^x, error below 2 ULP for results in the normal range; 0 below -708.39, e^709 above 709. NaN stays NaN.
inline Doubles exp(Doubles x) {
  constexpr double kLog2e = 1.4426950408889634;
  constexpr double kLn2High = 6.93145751953125e-1;  // 21 bits: k * kLn2High is exact
  constexpr double kLn2Low = 1.42860682030941723212e-6;
  const Doubles clamped = x > 709.0 ? splat(709.0) : (x < -709.0 ? splat(-709.0) : x);
  const Doubles k = round_even(clamped * kLog2e);
  const Doubles r = (clamped - k * kLn2High) - k * kLn2Low;  // |r| <= ln(2) / 2
  // Taylor to r^13: the first term left out is below 2^-58 of the sum. Estrin's scheme keeps the chain short.
  const Doubles r2 = r * r;
  const Doubles r4 = r2 * r2;
  const Doubles low = (1.0 / 2 + r * (1.0 / 6)) + r2 * (1.0 / 24 + r * (1.0 / 120));
  const Doubles middle = (1.0 / 720 + r * (1.0 / 5040)) + r2 * (1.0 / 40320 + r * (1.0 / 362880));
  const Doubles high = (1.0 / 3628800 + r * (1.0 / 39916800)) + r2 * (1.0 / 479001600 + r * (1.0 / 6227020800));
  const Doubles tail = r2 * (low + r4 * (middle + r4 * high));
  const Doubles mantissa = 1.0 + (r + tail);
  const Integers exponent = round_to_integers(k) << 52;
  const Doubles result = reinterpret_cast<Doubles>(reinterpret_cast<Integers>(mantissa) + exponent);
  return x < -708.39 ? splat(0.0) : result;
}

/// Natural logarithm of a normal positive x, error below 2 ULP.
inline Doubles log(Doubles x) {
  constexpr double kLn2High = 6.93147180369123816490e-1;
  constexpr double kLn2Low = 1.90821492927058770002e-10;
  constexpr std::uint64_t kSqrtHalfBits = 0x3fe6a09e667f3bcdu;  // the mantissa is brought to [sqrt(1/2), sqrt(2))
  const Words shifted = reinterpret_cast<Words>(x) - kSqrtHalfBits;
  const Words exponent_bits = shifted & 0xfff0000000000000u;
  const Doubles m = reinterpret_cast<Doubles>(reinterpret_cast<Words>(x) - exponent_bits);
  const Doubles k = high_half(exponent_bits) * 0x1p-20;
  const Doubles f = m - 1.0;
  const Doubles s = f / (2.0 + f);
  const Doubles z = s * s;
  // 2 atanh(s) = 2 s (1 + z/3 + z^2/5 + …), |s| <= 0.1716: z^10 is below 2^-50 of the first term.
  const Doubles series =
      z *
      (2.0 / 3 +
       z * (2.0 / 5 +
            z * (2.0 / 7 +
                 z * (2.0 / 9 + z * (2.0 / 11 + z * (2.0 / 13 + z * (2.0 / 15 + z * (2.0 / 17 + z * (2.0 / 19)))))))));
  const Doubles half_square = 0.5 * f * f;
  return k * kLn2High - ((half_square - (s * (half_square + series) + k * kLn2Low)) - f);
}

/// log(1 + x) for x >= 0, error below 3 ULP: the bits lost in 1 + x are put back to first order.
inline Doubles log1p(Doubles x) {
  const Doubles u = 1.0 + x;
  return log(u) + (x - (u - 1.0)) / u;
}

/// log(1 + e^x) = max(x, 0) + log1p(e^-|x|), never overflowing.
inline Doubles softplus(Doubles x) { return max(x, splat(0.0)) + log1p(exp(-abs(x))); }

}  // namespace
}  // namespace curvature
