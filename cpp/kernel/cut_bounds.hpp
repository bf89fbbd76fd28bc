// The score of a cut in single precision, eight cuts at a time, rounded up past its exact score: what is not near the
// highest of these bounds need not be scored exactly. Included by *.isa.cpp only.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernel/split_scan.hpp"
#include "math/simd.hpp"

namespace curvature::kernel {
namespace {

/// What all cuts of a node share.
struct Shared {
  double a_and_b;   // a + b = H + 2 lambda, with a = H_L + lambda and b = H_R + lambda
  double least;     // of a and of b: min_hessian + lambda
  double gradient;  // G
  double per_unit;  // G / (H + 2 lambda)
  double lambda;
  double alpha;
};

inline Shared shared_of(const ScoredNode& node) {
  Shared shared;
  shared.a_and_b = node.hessian + 2 * node.lambda;
  shared.least = node.min_hessian + node.lambda;
  shared.gradient = node.gradient;
  shared.per_unit = node.gradient / shared.a_and_b;
  shared.lambda = node.lambda;
  shared.alpha = node.alpha;
  return shared;
}

using Floats = float __attribute__((vector_size(32)));
using Halves = std::int32_t __attribute__((vector_size(32)));
using Cells = std::uint64_t __attribute__((vector_size(32)));

constexpr double kMostLambda = 0x1p40;  // all products stay within the range of a float
constexpr double kQuotientError = 0x1p-11;
constexpr double kSlack = 0x1p-9;          // scores this near the highest are looked at exactly
constexpr float kLeastSifted = 0x1p-100f;  // below, where floats lose digits, every cut is looked at

/// Of eight cells both halves, in the order of kPlaceOf.
struct Sums {
  Halves gradient, hessian;

  Sums(const Cells& low, const Cells& high) {
#if defined(__AVX__)  // one instruction each
    const auto a = reinterpret_cast<__m256>(low);
    const auto b = reinterpret_cast<__m256>(high);
    gradient = reinterpret_cast<Halves>(_mm256_shuffle_ps(a, b, 0b11'01'11'01));
    hessian = reinterpret_cast<Halves>(_mm256_shuffle_ps(a, b, 0b10'00'10'00));
#else
    const auto a = reinterpret_cast<Halves>(low);
    const auto b = reinterpret_cast<Halves>(high);
    gradient = __builtin_shufflevector(a, b, 1, 3, 9, 11, 5, 7, 13, 15);
    hessian = __builtin_shufflevector(a, b, 0, 2, 8, 10, 4, 6, 12, 14);
#endif
  }
};
constexpr int kPlaceOf[] = {0, 1, 4, 5, 2, 3, 6, 7};

inline bool any_at_least(const Floats& scores, const Floats& least) {
#if defined(__AVX__)
  return _mm256_movemask_ps(reinterpret_cast<__m256>(scores >= least)) != 0;
#else
  const auto at_least = reinterpret_cast<Cells>(scores >= least);
  return (at_least[0] | at_least[1] | at_least[2] | at_least[3]) != 0;
#endif
}

/// Not so where one of them is not a number.
inline bool all_below(const Floats& scores, const Floats& least) {
#if defined(__AVX__)
  return _mm256_movemask_ps(reinterpret_cast<__m256>(scores < least)) == 0xff;
#else
  const auto below = reinterpret_cast<Cells>(scores < least);
  return (below[0] & below[1] & below[2] & below[3]) == ~std::uint64_t{0};
#endif
}

// Vectors go by reference: not every target passes them in a register.

template <class Vector, class T>
inline void read(const T* from, Vector& to) {
  std::memcpy(&to, from, sizeof(to));
}

/// a -= b c
inline void subtract_product(Floats& a, const Floats& b, const Floats& c) {
#if defined(__FMA__)
  a = reinterpret_cast<Floats>(
      _mm256_fnmadd_ps(reinterpret_cast<__m256>(b), reinterpret_cast<__m256>(c), reinterpret_cast<__m256>(a)));
#else
  a -= b * c;
#endif
}

/// x := 1 / x, to less than 2^-11: where there is such an instruction, it is several times as fast as a division.
inline void invert(Floats& x) {
#if defined(__AVX__)
  x = reinterpret_cast<Floats>(_mm256_rcp_ps(reinterpret_cast<__m256>(x)));
#else
  x = 1.0f / x;
#endif
}

/// The excess E = G_L - a G / (a + b) of the exact search is widened by 16 epsilon a |p|, p = G / (a + b), which is
/// more than rounding G_L, a and p can take from it, and the quotient E^2 / (a b) errs by less than kQuotientError.
struct CutBounds {
  Floats lambda, per_unit, narrowing;
  Halves hessian, too_light;

  explicit CutBounds(const ScoredNode& node) {
    const double unit = shared_of(node).per_unit;
    lambda = static_cast<float>(node.lambda) - Floats{};
    per_unit = static_cast<float>(unit) - Floats{};
    narrowing = static_cast<float>(-16 * 0x1p-24 * std::abs(unit)) - Floats{};
    hessian = static_cast<std::int32_t>(node.hessian) - Halves{};
    too_light = static_cast<std::int32_t>(std::min(node.min_hessian, kTwo31) - 1) - Halves{};
  }

  /// -1 where a child is too light, or the cut is not `among` those allowed.
  void score(const Sums& left, const Halves& among, Floats& result, Floats& highest) const {
    const Halves right = hessian - left.hessian;
    const Floats a = __builtin_convertvector(left.hessian, Floats) + lambda;
    const Floats b = __builtin_convertvector(right, Floats) + lambda;
    Floats excess = __builtin_convertvector(left.gradient, Floats);
    subtract_product(excess, a, per_unit);
    auto widened = reinterpret_cast<Floats>(reinterpret_cast<Halves>(excess) & 0x7fffffff);
    subtract_product(widened, a, narrowing);
    Floats quotient = a * b;
    invert(quotient);
    quotient *= widened * widened;
    const Halves lighter = left.hessian < right ? left.hessian : right;
    const Halves allowed = among & (lighter > too_light);
    result = allowed ? quotient : Floats{} - 1.0f;
    highest = result > highest ? result : highest;
  }
};

}  // namespace
}  // namespace curvature::kernel
