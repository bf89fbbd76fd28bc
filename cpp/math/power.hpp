// x^y and x log y, on vectors. Included by *.isa.cpp only. Every instruction set gives the same bits.
#pragma once

#include <cmath>

#include "math/double_double.hpp"
#include "math/exponential.hpp"

namespace curvature {
namespace {

/// Logarithm of a normal positive x times 2^-shift, to about 2^-64 of it: times y <= 745 it is still exact enough.
inline DoubleDouble precise_log(Doubles x, Doubles shift) {
  constexpr std::uint64_t kSqrtHalfBits = 0x3fe6a09e667f3bcdu;
  static constexpr double kSeries[] = {0.3999999999999998,  0.2857142857144511,  0.2222222221753654,
                                       0.18181818870312294, 0.15384556870790264, 0.1333631743772834,
                                       0.11674817964532587, 0.11989018695420332};
  constexpr double kTwoThirds = 0x1.5555555555555p-1;
  constexpr double kTwoThirdsLow = 0x1.5555555555555p-55;
  const Words exponent_bits = (reinterpret_cast<Words>(x) - kSqrtHalfBits) & 0xfff0000000000000u;
  const Doubles f = reinterpret_cast<Doubles>(reinterpret_cast<Words>(x) - exponent_bits) - 1.0;
  const Doubles k = high_half(exponent_bits) * 0x1p-20 - shift;
  // s = f / (2 + f), the remainder of the division giving its low part.
  const DoubleDouble divisor = exact_sum_ordered(splat(2.0), f);
  const Doubles quotient = f / divisor.high;
  const DoubleDouble back = exact_product(quotient, divisor.high);
  const DoubleDouble s{quotient, (((f - back.high) - back.low) - quotient * divisor.low) / divisor.high};
  // 2 atanh(s) = s (2 + z (2/3 + z Q(z))): only the last term is small enough for plain doubles.
  const DoubleDouble z = product(s, s);
  DoubleDouble sum = exact_sum_ordered(splat(kTwoThirds), z.high * polynomial(z.high, kSeries));
  sum.low += kTwoThirdsLow;
  sum = product(z, sum);
  const DoubleDouble bracket = exact_sum_ordered(splat(2.0), sum.high);
  const DoubleDouble log_mantissa = product(s, {bracket.high, bracket.low + sum.low});
  const DoubleDouble total = exact_sum(k * kLn2High, log_mantissa.high);
  return exact_sum_ordered(total.high, total.low + (log_mantissa.low + k * kLn2Low));
}

/// e^(y log).
inline Doubles exp_of_product(Doubles y, DoubleDouble log) {
  const DoubleDouble exponent = exact_product(y, log.high);
  return exp_of_sum(exponent.high, exponent.low + y * log.low);
}

/// Whether y, not negative, is a whole number.
inline auto whole(Doubles y) { return (y >= kTwo52) | ((y + kTwo52) - kTwo52 == y); }

/// x^y as C's pow defines it, for lanes that may be anything. Infinities, NaN and the base 0, whose results are exact
/// by that definition, are left to the library lane by lane.
inline Doubles pow_of_any(Doubles x, Doubles y) {
  constexpr double kLargest = 0x1p65;  // beyond, every base but 1 and -1 overflows or underflows
  const Doubles base = abs(x);
  const Doubles size = abs(y);
  const auto subnormal = base < kLeastNormal;
  const DoubleDouble log = precise_log(subnormal ? base * 0x1p54 : base, subnormal ? splat(54.0) : splat(0.0));
  Doubles result = exp_of_product(copy_sign(size < kLargest ? size : splat(kLargest), y), log);
  const auto odd = whole(size) & ~whole(0.5 * size);
  result = x < 0.0 ? (whole(size) ? (odd ? -result : result) : splat(kNaN)) : result;
  for (int lane = 0; lane < kLanes; ++lane) {
    const bool finite = base[lane] > 0.0 && base[lane] <= kGreatest && size[lane] <= kGreatest;
    if (!finite) result[lane] = std::pow(x[lane], y[lane]);
  }
  return result;
}

/// x^y with NumPy's conventions (0^0 = 1, 1^NaN = 1, NaN for a negative base and a broken y), error below 1.5 ULP.
inline Doubles pow(Doubles x, Doubles y) {
  if (any(~((x >= kLeastNormal) & (x <= kGreatest) & (abs(y) <= 0x1p65)))) [[unlikely]]
    return pow_of_any(x, y);
  return exp_of_product(y, precise_log(x, splat(0.0)));
}

/// x log(y), 0 where x is 0 and y is not NaN. Error below 2.5 ULP.
inline Doubles xlogy(Doubles x, Doubles y) { return (x == 0.0) & (y == y) ? splat(0.0) : x * log(y); }

}  // namespace
}  // namespace curvature
