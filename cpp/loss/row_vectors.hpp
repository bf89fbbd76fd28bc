// Rows in vectors, the last one partly filled. Included by *.isa.cpp only.
#pragma once

#include <type_traits>

#include "math/simd.hpp"

namespace curvature {
namespace {

/// Calls visit(first row, rows, rows in a vector) for the whole vectors, then for the one left, which counts as kLanes
/// rows: it is loaded and stored with fewer.
template <class Visit>
inline void in_vectors(std::size_t n, Visit&& visit) {
  const std::size_t whole = n / kLanes * kLanes;
  constexpr std::size_t one = kLanes;
  if (whole > 0) visit(std::size_t{0}, whole, std::integral_constant<std::size_t, one>{});
  if (whole < n) visit(whole, one, n - whole);
}

/// The first n of a vector, 0 behind.
inline Doubles load_some(const double* from, std::size_t n) {
  if (n == kLanes) return load<Doubles>(from);
  Doubles v{};
  std::memcpy(&v, from, n * sizeof(double));
  return v;
}

inline void store_some(double* to, Doubles v, std::size_t n) {
  if (n == kLanes) return store(to, v);
  std::memcpy(to, &v, n * sizeof(double));
}

}  // namespace
}  // namespace curvature
