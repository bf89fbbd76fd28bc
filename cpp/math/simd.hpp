// A vector of doubles as wide as the target's registers, and of 64-bit integers beside it. Included by *.isa.cpp only.
// Plain GCC/Clang vector types: + - * / < > ?: work lane by lane, so one source serves every instruction set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace curvature {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 8;
#elif defined(__AVX2__)
constexpr int kLanes = 4;
#else
constexpr int kLanes = 2;
#endif

using Doubles = double __attribute__((vector_size(kLanes * 8)));
using Integers = std::int64_t __attribute__((vector_size(kLanes * 8)));
using Words = std::uint64_t __attribute__((vector_size(kLanes * 8)));

inline Doubles splat(double value) { return value - Doubles{}; }  // a sum would turn -0 into 0
inline Words splat(std::uint64_t value) { return Words{} + value; }

// Any address will do: memcpy of a register's size compiles to one unaligned move.
template <class Vector, class T>
inline Vector load(const T* from) {
  Vector v;
  std::memcpy(&v, from, sizeof(v));
  return v;
}
template <class Vector, class T>
inline void store(T* to, Vector v) {
  std::memcpy(to, &v, sizeof(v));
}

// Conversions by adding 2^52: an integer below 2^52 placed in the low bits of 2^52's pattern is that sum exactly.
// Unlike vcvtqq2pd these need no AVX-512, and unlike shuffles they stay within their lanes.
constexpr double kTwo52 = 4503599627370496.0;
constexpr double kTwo31 = 2147483648.0;
constexpr std::uint64_t kTwo52Bits = 0x4330000000000000u;

/// The low 32 bits of each lane, unsigned, as doubles. Exact.
inline Doubles low_half(Words v) { return reinterpret_cast<Doubles>((v & 0xffffffffu) | kTwo52Bits) - kTwo52; }
/// The high 32 bits of each lane, signed, as doubles. Exact.
inline Doubles high_half(Words v) {
  return reinterpret_cast<Doubles>((v >> 32) ^ (kTwo52Bits | 0x80000000u)) - (kTwo52 + kTwo31);
}

/// Nearest integer (ties to even) for |x| < 2^51, as a double and as integer lanes.
constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52
inline Doubles round_even(Doubles x) { return (x + kRound) - kRound; }
inline Integers round_to_integers(Doubles x) {
  return reinterpret_cast<Integers>(x + kRound) - reinterpret_cast<Integers>(splat(kRound));
}

inline Doubles min(Doubles a, Doubles b) { return a < b ? a : b; }
inline Doubles max(Doubles a, Doubles b) { return a > b ? a : b; }
inline Doubles sqrt(Doubles x) {
  for (int lane = 0; lane < kLanes; ++lane) x[lane] = __builtin_sqrt(x[lane]);
  return x;
}
/// a b + c, rounded once where the set can: the last bits differ between the sets. For sums of many products.
inline Doubles fused_multiply_add(Doubles a, Doubles b, Doubles c) {
#if defined(__AVX512F__)
  return reinterpret_cast<Doubles>(
      _mm512_fmadd_pd(reinterpret_cast<__m512d>(a), reinterpret_cast<__m512d>(b), reinterpret_cast<__m512d>(c)));
#elif defined(__FMA__)
  return reinterpret_cast<Doubles>(
      _mm256_fmadd_pd(reinterpret_cast<__m256d>(a), reinterpret_cast<__m256d>(b), reinterpret_cast<__m256d>(c)));
#else
  return a * b + c;
#endif
}
inline Doubles abs(Doubles x) { return reinterpret_cast<Doubles>(reinterpret_cast<Words>(x) & 0x7fffffffffffffffu); }
/// `size`, which is not negative, with the sign of `sign`.
inline Doubles copy_sign(Doubles size, Doubles sign) {
  return reinterpret_cast<Doubles>(reinterpret_cast<Words>(size) |
                                   (reinterpret_cast<Words>(sign) & 0x8000000000000000u));
}

/// True where a comparison holds in some lane. A function asks it once a vector whether some lane lies in the range
/// that needs more care, and computes all lanes the longer way then: in both ways the common range gives the same bits.
inline bool any(Integers comparison) {
#if defined(__AVX512DQ__)
  return _mm512_movepi64_mask(reinterpret_cast<__m512i>(comparison)) != 0;
#elif defined(__AVX2__)
  return _mm256_movemask_pd(reinterpret_cast<__m256d>(comparison)) != 0;
#elif defined(__SSE2__)
  return _mm_movemask_pd(reinterpret_cast<__m128d>(comparison)) != 0;
#else
  std::int64_t joined = 0;
  for (int lane = 0; lane < kLanes; ++lane) joined |= comparison[lane];
  return joined != 0;
#endif
}

/// terms[0] + terms[1] x + terms[2] x^2 + … by Estrin's scheme: neighbours are joined in pairs, the pairs in pairs, and
/// so on, so that the chain of dependent operations grows with log n.
template <std::size_t n>
inline Doubles join_pairs(Doubles x, const Doubles (&terms)[n]) {
  if constexpr (n == 1) {
    return terms[0];
  } else {
    Doubles pairs[(n + 1) / 2];
#pragma GCC unroll 16
    for (std::size_t i = 0; i < n / 2; ++i) pairs[i] = terms[2 * i] + x * terms[2 * i + 1];
    if constexpr (n % 2 == 1) pairs[n / 2] = terms[n - 1];
    return join_pairs(x * x, pairs);
  }
}

/// c[0] + c[1] x + c[2] x^2 + …
template <std::size_t n>
inline Doubles polynomial(Doubles x, const double (&c)[n]) {
  Doubles terms[n];
#pragma GCC unroll 32
  for (std::size_t i = 0; i < n; ++i) terms[i] = splat(c[i]);
  return join_pairs(x, terms);
}

}  // namespace
}  // namespace curvature
