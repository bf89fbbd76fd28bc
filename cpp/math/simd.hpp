// A vector of doubles as wide as the target's registers, and of 64-bit integers beside it. Included by *.isa.cpp only.
// Plain GCC/Clang vector types: + - * / < > ?: work lane by lane, so one source serves every instruction set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

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

inline Doubles splat(double value) { return Doubles{} + value; }
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
inline Doubles abs(Doubles x) { return reinterpret_cast<Doubles>(reinterpret_cast<Words>(x) & 0x7fffffffffffffffu); }

}  // namespace
}  // namespace curvature
