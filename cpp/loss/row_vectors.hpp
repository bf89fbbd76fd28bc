// Rows in vectors, the last one partly filled. Included by *.isa.cpp only.
#pragma once

#include "math/simd.hpp"

namespace curvature {
namespace {

// Calls visit(first row, number of rows) for whole vectors, then for the rest.
template <class Visit>
inline void for_each_vector(std::size_t n, Visit&& visit) {
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) visit(i, static_cast<std::size_t>(kLanes));
  if (i < n) visit(i, n - i);
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
