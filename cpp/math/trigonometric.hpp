// sin, cos and arctan, on vectors. Included by *.isa.cpp only.
// Bounds are in ULP of the exact result over the whole domain. NaN gives NaN; every instruction set the same bits.
#pragma once

#include <cmath>

#include "math/double_double.hpp"

namespace curvature {
namespace {

/// x = quadrant * pi/2 + high + low with |high| <= pi/4.
struct ReducedAngle {
  DoubleDouble rest;
  Integers quadrant;
};

/// For |x| <= 2^20: pi/2 in four parts (Cody and Waite), the first three of 33 bits so that their products are exact.
inline ReducedAngle reduce_angle(Doubles x) {
  const Doubles n = round_even(x * 0.6366197723675814);
  const Doubles leading = x - n * 0x1.921fb54400000p+0;
  DoubleDouble rest = exact_sum(leading, n * -0x1.0b4611a600000p-34);
  const DoubleDouble next = exact_sum(rest.high, n * -0x1.3198a2e000000p-69);
  rest = exact_sum_ordered(next.high, (next.low + rest.low) - n * 0x1.b839a252049c1p-104);
  return {rest, round_to_integers(n)};
}

/// sin(high + low), |high| <= pi/4.
inline Doubles sin_of_rest(DoubleDouble r) {
  static constexpr double kSeries[] = {-0.16666666666666666,   0.008333333333333323,   -0.00019841269841255129,
                                       2.7557319214223003e-06, -2.505210492022087e-08, 1.6058367746119018e-10,
                                       -7.578754242174981e-13};
  const Doubles z = r.high * r.high;
  return r.high + (r.low * (1.0 - 0.5 * z) + (r.high * z) * polynomial(z, kSeries));
}

/// cos(high + low), |high| <= pi/4.
inline Doubles cos_of_rest(DoubleDouble r) {
  static constexpr double kSeries[] = {0.0416666666666666,      -0.0013888888888874133, 2.4801587289488395e-05,
                                       -2.7557314354187497e-07, 2.087572353345977e-09,  -1.1359661673210494e-11};
  const Doubles z = r.high * r.high;
  const Doubles half = 0.5 * z;
  const Doubles leading = 1.0 - half;
  return leading + (((1.0 - leading) - half) + ((z * z) * polynomial(z, kSeries) - r.high * r.low));
}

/// sin(x + quadrants * pi/2) for |x| <= 2^20.
inline Doubles sin_of_quadrant(Doubles x, std::int64_t quadrants) {
  const ReducedAngle angle = reduce_angle(x);
  const Integers quadrant = angle.quadrant + quadrants;
  const Doubles sine = sin_of_rest(angle.rest);
  const Doubles cosine = cos_of_rest(angle.rest);
  const Doubles size = (quadrant & 1) != 0 ? cosine : sine;
  return reinterpret_cast<Doubles>(reinterpret_cast<Integers>(size) ^ ((quadrant & 2) << 62));
}

constexpr double kGreatestAngle = 0x1p20;

/// Error below 1 ULP. Beyond 2^20 the library answers lane by lane: the bits there are the machine's.
inline Doubles sin(Doubles x) {
  Doubles result = sin_of_quadrant(x, 0);
  if (any(~(abs(x) <= kGreatestAngle))) [[unlikely]] {
    for (int lane = 0; lane < kLanes; ++lane) {
      if (!(std::fabs(x[lane]) <= kGreatestAngle)) result[lane] = std::sin(x[lane]);
    }
  }
  return result;
}

/// Error below 1 ULP. Beyond 2^20 as sin.
inline Doubles cos(Doubles x) {
  Doubles result = sin_of_quadrant(x, 1);
  if (any(~(abs(x) <= kGreatestAngle))) [[unlikely]] {
    for (int lane = 0; lane < kLanes; ++lane) {
      if (!(std::fabs(x[lane]) <= kGreatestAngle)) result[lane] = std::cos(x[lane]);
    }
  }
  return result;
}

/// Error below 2 ULP. The argument is brought to |t| <= tan(pi/8): from pi/2 beyond tan(3 pi/8), from pi/4 between.
inline Doubles arctan(Doubles x) {
  static constexpr double kSeries[] = {-0.333333333333332,   0.19999999999954038,  -0.14285714280243977,
                                       0.11111110785904511,  -0.0909089782957751,  0.07692061512278113,
                                       -0.06663118936542885, 0.058479981823355204, -0.050397962359810894,
                                       0.03807704586111418,  -0.017920857527302284};
  constexpr double kQuarterPi = 0x1.921fb54442d18p-1;
  constexpr double kQuarterPiRest = 0x1.1a62633145c07p-55;
  const Doubles a = abs(x);
  const auto big = a > 2.414213562373095;
  const auto middle = a > 0.41421356237309503;
  const Doubles t = (big ? splat(-1.0) : (middle ? a - 1.0 : a)) / (big ? a : (middle ? a + 1.0 : splat(1.0)));
  const Doubles quarters = big ? splat(2.0) : (middle ? splat(1.0) : splat(0.0));
  const Doubles z = t * t;
  const Doubles tail = (t * z) * polynomial(z, kSeries) + quarters * kQuarterPiRest;
  return copy_sign(quarters * kQuarterPi + (t + tail), x);
}

}  // namespace
}  // namespace curvature
