#include "loss/pointwise.hpp"

#include "base/isa_symbol.hpp"
#include "math/exponential.hpp"
// The losses look up exp, abs and softplus at their point of use: math/ comes first.
#include "loss/logistic.hpp"
#include "loss/squared.hpp"

namespace curvature {
namespace {

// Calls visit(first row, number of rows) for whole vectors, then for the rest.
template <class Visit>
inline void for_each_vector(std::size_t n, Visit&& visit) {
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) visit(i, static_cast<std::size_t>(kLanes));
  if (i < n) visit(i, n - i);
}

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

template <class Loss>
void values(const double* y, const double* f, double* out, std::size_t n) {
  for_each_vector(n, [&](std::size_t i, std::size_t m) {
    store_some(out + i, Loss::at(load_some(y + i, m), load_some(f + i, m)).value, m);
  });
}

template <class Loss>
void derivatives(const double* y, const double* f, double* gradients, double* hessians, std::size_t n) {
  for_each_vector(n, [&](std::size_t i, std::size_t m) {
    const Derivatives<Doubles> at = Loss::at(load_some(y + i, m), load_some(f + i, m));
    store_some(gradients + i, at.gradient, m);
    store_some(hessians + i, at.hessian, m);
  });
}

template <class Loss>
constexpr PointwiseLoops loops{Loss::name, values<Loss>, derivatives<Loss>};

constexpr PointwiseLoops kLosses[] = {loops<Squared>, loops<Logistic>};

}  // namespace

extern const PointwiseTable CURVATURE_ISA_SYMBOL(pointwise_table){kLosses, sizeof(kLosses) / sizeof(kLosses[0])};

}  // namespace curvature
