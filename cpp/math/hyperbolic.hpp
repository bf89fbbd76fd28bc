// sinh, cosh, tanh and log(cosh), on vectors. Included by *.isa.cpp only.
// Bounds are in ULP of the exact result over the whole domain. NaN gives NaN; every instruction set the same bits.
#pragma once

#include "math/exponential.hpp"

namespace curvature {
namespace {

/// e^a / 2 for a >= 0, which is finite for a little longer than e^a. Error below 3 ULP.
inline Doubles half_exp(Doubles a) {
  const Doubles root = exp(0.5 * a);
  return (0.5 * root) * root;
}

/// (e^x - e^-x) / 2, error below 3 ULP.
inline Doubles sinh(Doubles x) {
  const Doubles a = abs(x);
  const Doubles t = expm1(a);
  Doubles size = 0.5 * (t + t / (t + 1.0));
  if (any(~(a < 709.0))) [[unlikely]]
    size = a < 709.0 ? size : half_exp(a);
  return copy_sign(size, x);
}

/// (e^x + e^-x) / 2, error below 3 ULP.
inline Doubles cosh(Doubles x) {
  const Doubles a = abs(x);
  const Doubles e = exp(a);
  const Doubles result = 0.5 * e + 0.5 / e;
  if (any(~(a < 709.0))) [[unlikely]]
    return a < 709.0 ? result : half_exp(a);
  return result;
}

/// t / (t + 2) with t = e^2x - 1, error below 2.5 ULP.
inline Doubles tanh(Doubles x) {
  const Doubles a = abs(x);
  const Doubles t = expm1(a > 22.0 ? splat(44.0) : 2.0 * a);  // 1 - tanh(22) is below 2^-62
  return copy_sign(t / (t + 2.0), x);
}

/// tanh(x) and 1 / cosh(x)^2 with one division, errors below 5 ULP; the latter is 0 beyond 354.
struct HyperbolicSlopes {
  Doubles tanh;
  Doubles sech_squared;
};
/// With -2|x| = k ln(2) + r and the even function c(r) = r coth(r / 2), e^-2|x| = 2^k (c + r) / (c - r) = above /
/// below. 1 - 2^k is exact, so that below - above keeps its digits near 0.
inline HyperbolicSlopes hyperbolic_slopes(Doubles x) {
  static constexpr double kEven[] = {2.0,  // c(r) in powers of r^2, error below 2^-58
                                     0.16666666666666607,
                                     -0.002777777777704793,
                                     6.613756328712678e-05,
                                     -1.6533908865871633e-06,
                                     4.13835114826779e-08};
  const Doubles least = splat(-kNormalExponent);
  const Doubles exponent = -2.0 * abs(x);
  const ReducedExponent reduced = reduce_exponent(least > exponent ? least : exponent);
  const Doubles r = reduced.r;
  const Doubles c = polynomial(r * r, kEven);
  const Doubles power = exponent < least ? splat(0.0) : add_bits(splat(1.0), reduced.k_bits);
  const Doubles above = power * (c + r);
  const Doubles below = c - r;
  const Doubles difference = c * (1.0 - power) - r * (1.0 + power);
  const Doubles per_sum = 1.0 / (below + above);
  return {copy_sign(difference * per_sum, x), 4.0 * (above * per_sum) * (below * per_sum)};
}

/// log(cosh(x)) from e = e^-2|x|, error below 3 ULP: a polynomial in x^2 up to 1, beyond it |x| - log 2 + log1p(e).
inline Doubles log_cosh(Doubles x, Doubles e) {
  static constexpr double kSeries[] = {0.5,
                                       -0.08333333333333123,
                                       0.02222222222206332,
                                       -0.006746031741268796,
                                       0.0021869487786529466,
                                       -0.0007386022478716308,
                                       0.0002565761279033316,
                                       -9.097051602682812e-05,
                                       3.272059892740898e-05,
                                       -1.1825404497322186e-05,
                                       4.189936650343404e-06,
                                       -1.3750154313229507e-06,
                                       3.769750529469573e-07,
                                       -7.309818809421782e-08,
                                       7.200392128355552e-09};
  constexpr double kLn2 = 0x1.62e42fefa39efp-1;
  constexpr double kLn2Rest = 0x1.abc9e3b39803fp-56;
  const Doubles a = abs(x);
  const Doubles square = a * a;
  const Doubles near = square * polynomial(square, kSeries);
  const Doubles far = (a - kLn2) + (log1p_of_fraction(e) - kLn2Rest);
  return a < 1.0 ? near : far;
}

}  // namespace
}  // namespace curvature
