// erf, log |Gamma| and its first two derivatives, on vectors. Included by *.isa.cpp only.
// Every instruction set gives the same bits. The coefficients are minimax fits (Remez).
#pragma once

#include "math/exponential.hpp"
#include "math/trigonometric.hpp"

namespace curvature {
namespace {

/// 2 / sqrt(pi) times the integral of e^-t^2 over [0, x], error below 1.5 ULP.
inline Doubles erf(Doubles x) {
  static constexpr double kNear[] = {0.12837916709551257,    -0.3761263890318375,     0.11283791670954857,
                                     -0.026866170645072903,  0.005223977624780955,    -0.0008548326978747125,
                                     0.00012055331037075004, -1.4925593511015418e-05, 1.6460972881793106e-06,
                                     -1.635002589423797e-07, 1.4657884256679133e-08,  -1.1365682624527597e-09,
                                     5.945289257375883e-11};
  // e^(x^2) erfc(x) in t = (x - 2) / (x + 2), to 2^-60 of e^(x^2): erf is 1 less a small number there.
  static constexpr double kFar[] = {0.25539567631050575,    -0.4271858474139568,   0.24165819424246884,
                                    -0.07897858101641567,   0.0037328923985292376, 0.006997461785599667,
                                    -0.0008471425903101039, -0.000981976476490832, 4.353616739809741e-05,
                                    0.000174288453136022,   2.762306158523e-05,    -2.661171787995751e-05,
                                    -1.2644252774939836e-05};
  const Doubles a = abs(x);
  const Doubles square = a * a;
  const Doubles near = a + a * polynomial(square, kNear);  // 2 / sqrt(pi) = 1 + 0.128…: the sum rounds once
  const Doubles limited = a > 6.0 ? splat(6.0) : a;        // erf(6) rounds to 1
  const Doubles far = 1.0 - exp(-(limited * limited)) * polynomial((limited - 2.0) / (limited + 2.0), kFar);
  return copy_sign(a < 1.0 ? near : far, x);
}

// The three functions below: x = n + u with a whole n and |u| <= 1/2, a polynomial for the value at 2 + u, and the
// recurrence from there; from 8.5 on Stirling's series; below -1/2 reflection.
constexpr double kStirlingFrom = 8.5;
constexpr int kStirlingSteps = 7;  // n is at most 8, so that factors u + j with j <= 7 lie between
constexpr double kReflectBelow = -0.5;
constexpr double kPi = 0x1.921fb54442d18p+1;

/// pi times the distance of z >= 0 from the nearest whole number, in [-pi/2, pi/2].
inline Doubles angle_to_whole(Doubles z) {
  const Doubles whole = (z + kTwo52) - kTwo52;
  return z < kTwo52 ? kPi * (z - whole) : splat(0.0);
}

/// log Gamma(x) for x >= -1/2 (log |Gamma| below 0).
inline Doubles log_gamma_right(Doubles x) {
  static constexpr double kAtTwo[] = {0.42278433509846713,    0.3224670334241133,      -0.06735230105319576,
                                      0.02058080842776596,    -0.007385551028925223,   0.002890510331841684,
                                      -0.0011927539013286627, 0.0005096694951134325,   -0.00022315497227187522,
                                      9.945794417218097e-05,  -4.4923771853320106e-05, 2.050354409926698e-05,
                                      -9.456079200029998e-06, 4.393520161835885e-06,   -1.974825783809526e-06,
                                      8.999036741162408e-07,  -5.806128291061496e-07,  2.9770371418360037e-07};
  static constexpr double kStirling[] = {0.08333333333333333,   -0.0027777777777725915, 0.0007936507895572983,
                                         -0.000595236666765579, 0.0008414935324109615,  -0.0018924117559062364,
                                         0.005123872249257491};
  constexpr double kHalfLog2PiLessHalf = 0.4189385332046727;
  const auto far = x >= kStirlingFrom;
  const Doubles n = round_even(far ? splat(kStirlingFrom) : x);
  const Doubles u = x - n;
  // Gamma(x) = Gamma(2 + u) times, or below 3/2 divided by, the factors u + j between.
  const auto low = n < 2.0;
  Doubles factors = splat(1.0);
#pragma GCC unroll 8
  for (int j = 0; j <= kStirlingSteps; ++j) {
    factors = (j < 2 ? n <= static_cast<double>(j) : n > static_cast<double>(j)) ? factors * (u + double(j)) : factors;
  }
  const Doubles logarithm = log(far ? x : abs(factors));
  const Doubles near = u * polynomial(u, kAtTwo) + (low ? -logarithm : logarithm);
  const Doubles inverse = 1.0 / x;
  const Doubles series = inverse * polynomial(inverse * inverse, kStirling);
  return far ? (x - 0.5) * (logarithm - 1.0) + (kHalfLog2PiLessHalf + series) : near;
}

/// log |Gamma(x)|, inf at 0 and the negative whole numbers. Error below 4 ULP or, around the zeros 1 and 2, 2e-16;
/// below -1/2 it is 4 ULP of |log(pi / (x sin(pi x)))| + |log Gamma(-x)|, whose difference it is.
inline Doubles log_gamma(Doubles x) {
  if (!any(x < kReflectBelow)) [[likely]]
    return log_gamma_right(x);
  const auto reflected = x < kReflectBelow;
  const Doubles right = log_gamma_right(reflected ? -x : x);
  // log |Gamma(-z)| = log(pi / (z |sin(pi z)|)) - log Gamma(z)
  const Doubles z = reflected ? -x : splat(1.5);
  const Doubles angle = angle_to_whole(z);
  const Doubles mirrored = -log(z * (abs(sin(angle)) / kPi)) - right;
  return reflected ? (angle == 0.0 ? splat(kInfinity) : mirrored) : right;
}

/// The derivative of log Gamma for x >= -1/2.
inline Doubles digamma_right(Doubles x) {
  static constexpr double kAtTwo[] = {
      0.42278433509846713,     0.6449340668482269,    -0.20205690315959607,   0.08232323371105146,
      -0.036927755143155834,   0.017343061990524527,  -0.008349277391970947,  0.004077356004739721,
      -0.002008392585277183,   0.0009945784491365215, -0.0004941919310193581, 0.00024605312344686534,
      -0.00012268532304045277, 6.14503503260466e-05,  -3.073408208162468e-05, 1.4563546757743753e-05,
      -7.182412295898159e-06,  5.174692844257914e-06, -2.671705702429177e-06};
  static constexpr double kStirling[] = {0.08333333333333326,   -0.008333333333185837, 0.003968253875085704,
                                         -0.004166638668897067, 0.007571227795594686,  -0.02068436333995144,
                                         0.06355882961892864};
  const auto far = x >= kStirlingFrom;
  const Doubles n = round_even(far ? splat(kStirlingFrom) : x);
  const Doubles u = x - n;
  Doubles near = polynomial(u, kAtTwo);
#pragma GCC unroll 8
  for (int j = kStirlingSteps; j >= 2; --j) near = n > double(j) ? near + 1.0 / (u + double(j)) : near;
  near = n <= 1.0 ? near - 1.0 / (u + 1.0) : near;
  near = n <= 0.0 ? near - 1.0 / u : near;
  const Doubles inverse = 1.0 / x;
  const Doubles square = inverse * inverse;
  const Doubles series = 0.5 * inverse + square * polynomial(square, kStirling);
  return far ? log(far ? x : splat(1.0)) - series : near;
}

/// The derivative of log |Gamma|, -inf at 0, NaN at the negative whole numbers. Error below 4 ULP or, around the zero
/// 1.46…, 4e-16; below 0 it is 6 ULP of |psi(-x)| + |1 / x| + |pi cot(pi x)|, whose sum it is.
inline Doubles digamma(Doubles x) {
  if (!any(x < kReflectBelow)) [[likely]]
    return digamma_right(x);
  const auto reflected = x < kReflectBelow;
  const Doubles right = digamma_right(reflected ? -x : x);
  // psi(-z) = psi(z) + 1 / z + pi cot(pi z)
  const Doubles z = reflected ? -x : splat(1.5);
  const Doubles angle = angle_to_whole(z);
  const Doubles mirrored = (right + 1.0 / z) + kPi * (cos(angle) / sin(angle));
  return reflected ? (angle == 0.0 ? splat(kNaN) : mirrored) : right;
}

/// The second derivative of log |Gamma|, inf at 0 and the negative whole numbers. Error below 4 ULP; below 0 it is
/// 6 ULP of (pi / sin(pi x))^2, from which psi'(1 - x) is subtracted.
inline Doubles trigamma(Doubles x) {
  static constexpr double kStirling[] = {0.16666666666666546,  -0.03333333333107314, 0.023809522379691632,
                                         -0.03333290282845269, 0.07568773209876659,  -0.24678775835117414,
                                         0.8576953785120033};
  const auto reflected = x < 0.0;
  Doubles shifted = reflected ? 1.0 - x : x;
  // Upwards to Stirling's series: all terms are positive, so nothing cancels.
  Doubles steps{};
#pragma GCC unroll 9
  for (int j = 0; j < 9; ++j) {
    const auto below = shifted < kStirlingFrom;
    steps = below ? steps + 1.0 / (shifted * shifted) : steps;
    shifted = below ? shifted + 1.0 : shifted;
  }
  const Doubles inverse = 1.0 / shifted;
  const Doubles square = inverse * inverse;
  const Doubles right = steps + (inverse + (0.5 * square + (square * inverse) * polynomial(square, kStirling)));
  if (!any(reflected)) [[likely]]
    return right;
  // psi'(x) = (pi / sin(pi x))^2 - psi'(1 - x)
  const Doubles ratio = kPi / sin(angle_to_whole(reflected ? -x : splat(0.5)));
  return reflected ? ratio * ratio - right : right;
}

}  // namespace
}  // namespace curvature
