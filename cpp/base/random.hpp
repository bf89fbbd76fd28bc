// Random numbers from counters: the value belongs to (seed, place), not to a sequence, so threads and order do not
// matter.
#pragma once

#include <cstdint>

namespace curvature {

/// A bijective mix of 64 bits (the finalizer of SplitMix64; Steele, Lea & Flood 2014).
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// The key of place `counter` in the stream `key`; keys nest: child(child(seed, tree), node).
[[nodiscard]] constexpr std::uint64_t child_key(std::uint64_t key, std::uint64_t counter) {
  return mix(key ^ mix(counter));
}

/// An integer in [0, bound) from 64 random bits, without division (bias below bound / 2^32).
[[nodiscard]] constexpr std::uint32_t bounded(std::uint64_t bits, std::uint32_t bound) {
  return static_cast<std::uint32_t>(((bits >> 32) * bound) >> 32);
}

}  // namespace curvature
