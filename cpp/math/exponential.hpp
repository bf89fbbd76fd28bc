// exp, log and what is made of them, on vectors. Included by *.isa.cpp only.
// Bounds are in ULP of the exact result over the whole domain, results in the normal range. NaN gives NaN.
// No fused multiply-add, so every instruction set gives the same bits. The coefficients are minimax fits (Remez).
#pragma once

#include "math/simd.hpp"

namespace curvature {
namespace {

constexpr double kInfinity = __builtin_inf();
constexpr double kNaN = __builtin_nan("");
constexpr double kLeastNormal = 0x1p-1022;
constexpr double kGreatest = 0x1.fffffffffffffp1023;

constexpr double kLn2High = 0x1.62e42fefa3800p-1;  // 42 bits: times a whole number below 2^11 it is exact
constexpr double kLn2Low = 0x1.ef35793c76730p-45;

/// e^r - 1 for |r| <= ln(2) / 2, error below 2^-55 of e^r before its last two roundings.
inline Doubles expm1_near_zero(Doubles r) {
  static constexpr double kTail[] = {0.5000000000000006,     0.16666666666666685,    0.04166666666657362,
                                     0.008333333333314548,   0.0013888888932380285,  0.00019841269903113438,
                                     2.4801504443868257e-05, 2.7557227889080416e-06, 2.762632739802708e-07,
                                     2.5114491310876775e-08};
  return r + (r * r) * polynomial(r, kTail);
}

/// mantissa * 2^k for whole k in [-1100, 1100], rounded once: overflows to inf, underflows by way of the subnormals.
inline Doubles scale(Doubles mantissa, Doubles k) {
  const Doubles half = round_even(0.5 * k);
  const auto power = [](Doubles n) { return reinterpret_cast<Doubles>((round_to_integers(n) + 1023) << 52); };
  return (mantissa * power(half)) * power(k - half);
}

/// x = k ln(2) + r with a whole k and |r| <= ln(2) / 2, for |x| <= 746.
struct ReducedExponent {
  Doubles k;
  Doubles r;
  Integers k_bits;  // k in the 12 bits of sign and exponent, to be added to those of a double
};
inline ReducedExponent reduce_exponent(Doubles x) {
  constexpr double kLog2e = 1.4426950408889634;
  const Doubles rounded = x * kLog2e + kRound;  // k stands in its lowest bits
  const Doubles k = rounded - kRound;
  return {k, (x - k * kLn2High) - k * kLn2Low, reinterpret_cast<Integers>(rounded) << 52};
}
inline Doubles add_bits(Doubles x, Integers bits) {
  return reinterpret_cast<Doubles>(reinterpret_cast<Integers>(x) + bits);
}

/// e^r for |r| <= ln(2) / 2.
inline Doubles exp_near_zero(Doubles r) { return 1.0 + expm1_near_zero(r); }

/// Up to this size of x, e^x is normal, and adding k to the exponent's bits is enough.
constexpr double kNormalExponent = 708.0;
inline bool exp_is_normal(Doubles x) { return !any(~(abs(x) <= kNormalExponent)); }

/// e^(x + low) for any x, where low is below an ULP of x.
[[gnu::const, gnu::noinline, gnu::cold, maybe_unused]] Doubles exp_of_any(Doubles x, Doubles low) {
  const Doubles bounded = x > 710.0 ? splat(710.0) : (x < -746.0 ? splat(-746.0) : x);
  const ReducedExponent reduced = reduce_exponent(bounded);
  return scale(exp_near_zero(x == bounded ? reduced.r + low : reduced.r), reduced.k);
}

/// e^(x + low), where low is below an ULP of x: the error is that of exp.
inline Doubles exp_of_sum(Doubles x, Doubles low) {
  if (!exp_is_normal(x)) [[unlikely]]
    return exp_of_any(x, low);
  const ReducedExponent reduced = reduce_exponent(x);
  return add_bits(exp_near_zero(reduced.r + low), reduced.k_bits);
}

/// e^x, error below 1 ULP; inf above 709.78, by way of the subnormals to 0 below -745.13.
inline Doubles exp(Doubles x) {
  if (!exp_is_normal(x)) [[unlikely]]
    return exp_of_any(x, splat(0.0));
  const ReducedExponent reduced = reduce_exponent(x);
  return add_bits(exp_near_zero(reduced.r), reduced.k_bits);
}

/// e^x - 1, error below 2 ULP; inf above 709.78.
inline Doubles expm1(Doubles x) {
  const Doubles bounded = x > 710.0 ? splat(710.0) : (x < -40.0 ? splat(-40.0) : x);
  const ReducedExponent reduced = reduce_exponent(bounded);
  const Doubles small = expm1_near_zero(reduced.r);
  // 2^k ((e^r - 1) + (1 - 2^-k)): 0 only where k is, and its exponent has room for k down to -58. 2^-1024 is 0 here.
  const Doubles inverse = bounded > 700.0 ? splat(0.0) : add_bits(splat(1.0), -reduced.k_bits);
  const Doubles result = add_bits(small + (1.0 - inverse), reduced.k_bits);
  const Doubles finite = x > 709.782712893384 ? splat(kInfinity) : result;
  return x == x ? finite : x;
}

/// Logarithm of a normal positive x times 2^-shift.
inline Doubles log_of_normal(Doubles x, Doubles shift) {
  constexpr std::uint64_t kSqrtHalfBits = 0x3fe6a09e667f3bcdu;  // the mantissa is brought to [sqrt(1/2), sqrt(2))
  static constexpr double kSeries[] = {0.6666666666666734, 0.3999999999941437,  0.2857142874247162, 0.22222198563205492,
                                       0.1818356490643372, 0.15314034306230184, 0.1479612480441614};
  const Words exponent_bits = (reinterpret_cast<Words>(x) - kSqrtHalfBits) & 0xfff0000000000000u;
  const Doubles m = reinterpret_cast<Doubles>(reinterpret_cast<Words>(x) - exponent_bits);
  const Doubles k = high_half(exponent_bits) * 0x1p-20 - shift;
  const Doubles f = m - 1.0;
  const Doubles s = f / (2.0 + f);
  const Doubles z = s * s;
  // log(1 + f) = 2 atanh(s) = f - f^2/2 + s (f^2/2 + z Q(z)), where z Q(z) = 2 atanh(s) / s - 2.
  const Doubles half_square = 0.5 * f * f;
  const Doubles tail = s * (half_square + z * polynomial(z, kSeries)) + k * kLn2Low;
  return k * kLn2High - ((half_square - tail) - f);
}

/// Natural logarithm, error below 1 ULP; -inf at 0, NaN below.
inline Doubles log(Doubles x) {
  if (!any(~((x >= kLeastNormal) & (x <= kGreatest)))) [[likely]]
    return log_of_normal(x, splat(0.0));
  const auto subnormal = x < kLeastNormal;
  const Doubles finite = log_of_normal(subnormal ? x * 0x1p54 : x, subnormal ? splat(54.0) : splat(0.0));
  const Doubles edge = x == 0.0 ? splat(-kInfinity) : (x > 0.0 ? x : splat(kNaN));
  return (x > 0.0) & (x <= kGreatest) ? finite : edge;
}

/// log(1 + x), error below 1.5 ULP: the bits lost in 1 + x are put back to first order. -inf at -1, NaN below.
inline Doubles log1p(Doubles x) {
  const Doubles u = 1.0 + x;
  const Doubles result = log(u) + (x - (u - 1.0)) / u;
  if (any(~((u > 0.0) & (x <= kGreatest)))) [[unlikely]]
    return (u > 0.0) & (x <= kGreatest) ? result : log(u);
  return result;
}

/// log(1 + x) for x in [0, 1], error below 2 ULP: log's series, carried on to s = 1/3.
inline Doubles log1p_of_fraction(Doubles x) {
  static constexpr double kSeries[] = {
      0.6666666666666631, 0.4000000000015725,  0.28571428547851885, 0.22222223969895788, 0.18181743918361679,
      0.1538656007091167, 0.13300971603438388, 0.1210610197224121,  0.08340033425616203, 0.17018699613727012};
  const Doubles s = x / (2.0 + x);
  const Doubles z = s * s;
  const Doubles half_square = 0.5 * x * x;
  return x - (half_square - s * (half_square + z * polynomial(z, kSeries)));
}

/// 1 / (1 + e^-x) from e = e^-x, error below 2.5 ULP on either side; 0 below -709.78.
inline Doubles sigmoid(Doubles e) { return 1.0 / (1.0 + e); }

/// sigmoid(x) and sigmoid(-x) from e = e^-x. The first has the bits of sigmoid, the second an error below 3 ULP.
struct SigmoidPair {
  Doubles value;
  Doubles mirrored;
};
inline SigmoidPair sigmoid_pair(Doubles e) {
  const Doubles value = 1.0 / (1.0 + e);
  const Doubles mirrored = e * value;
  return {value, e > 0x1p60 ? splat(1.0) : mirrored};
}

/// log(1 + e^x) = max(x, 0) + log1p(e^-|x|) from e = e^-|x|, error below 2 ULP, never overflowing.
inline Doubles softplus(Doubles x, Doubles e) { return max(x, splat(0.0)) + log1p_of_fraction(e); }
inline Doubles softplus(Doubles x) { return softplus(x, exp(-abs(x))); }

/// log(e^a + e^b), error below 3 ULP of the larger of |max(a, b)| and the result (they cancel near the result 0), from
/// e = e^-gap_of(a, b).
inline Doubles gap_of(Doubles a, Doubles b) {
  return a == b ? splat(0.0) : abs(a - b);  // two infinities of one sign: no NaN
}
inline Doubles logaddexp(Doubles a, Doubles b, Doubles e) { return (a > b ? a : b) + log1p_of_fraction(e); }

/// log, for what does not change from row to row: loops compute it once.
[[gnu::const, gnu::noinline, maybe_unused]] Doubles log_of_constant(Doubles x) { return log(x); }

}  // namespace
}  // namespace curvature
