// Exponentials of many rows, and what is made of them. Included by *.isa.cpp only.
//
// A processor looks some 130 vector operations ahead. The chain of e^x and, say, a logarithm of it is longer than that,
// so that row after row would wait for its own chain. Pass by pass over a block in the first cache, every chain is
// short and several rows are on their way at once: e^x takes half the time, log(1 + e^x) a little more than half.
#pragma once

#include "math/exponential.hpp"

namespace curvature {
namespace {

constexpr std::size_t kRowsAtOnce = 128;  // two or three arrays of 1 KiB: a multiple of every kLanes

/// Where each exponential is put to use: at once, if that takes a few operations only, or in a pass of its own.
enum class Use { at_once, in_own_pass };

/// use(i, e^exponent(i)) for each vector of rows i, i + 1, …, i < n; n is a multiple of kLanes. The bits are those of
/// exp. exponent(i) may be asked for twice, the second time before use(i, …).
template <Use when, class Exponent, class Visit>
inline void for_each_exponential(std::size_t n, Exponent&& exponent, Visit&& use) {
  alignas(64) double rows[kRowsAtOnce];  // the reduced exponents, then the exponentials
  alignas(64) std::int64_t k_bits[kRowsAtOnce];
  for (std::size_t first = 0; first < n; first += kRowsAtOnce) {
    const std::size_t size = n - first < kRowsAtOnce ? n - first : kRowsAtOnce;
    Integers outside{};
    for (std::size_t i = 0; i < size; i += kLanes) {
      const Doubles x = exponent(first + i);
      outside |= ~(abs(x) <= kNormalExponent);
      const ReducedExponent reduced = reduce_exponent(x);
      store(rows + i, reduced.r);
      store(k_bits + i, reduced.k_bits);
    }
    const bool normal = !any(outside);
    if constexpr (when == Use::at_once) {
      if (normal) [[likely]] {
        for (std::size_t i = 0; i < size; i += kLanes) {
          use(first + i, add_bits(exp_near_zero(load<Doubles>(rows + i)), load<Integers>(k_bits + i)));
        }
        continue;
      }
    } else if (normal) {
      for (std::size_t i = 0; i < size; i += kLanes) {
        store(rows + i, add_bits(exp_near_zero(load<Doubles>(rows + i)), load<Integers>(k_bits + i)));
      }
    }
    if (!normal) [[unlikely]] {
      for (std::size_t i = 0; i < size; i += kLanes) store(rows + i, exp_of_any(exponent(first + i), splat(0.0)));
    }
    for (std::size_t i = 0; i < size; i += kLanes) use(first + i, load<Doubles>(rows + i));
  }
}

}  // namespace
}  // namespace curvature
