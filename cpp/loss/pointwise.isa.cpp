#include "base/isa_symbol.hpp"
#include "loss/pointwise_loops.hpp"
#include "math/hyperbolic.hpp"
// The losses look up exp, log, abs and others at their point of use: math/ comes first.
#include "loss/builtin.hpp"
#include "loss/row_vectors.hpp"

namespace curvature {
namespace {

template <class L>
void values(const double* y, const double* f, const double* parameters, std::size_t n, double* out) {
  const L loss = with_parameters<L>(parameters);
  for_each_vector(n, [&](std::size_t i, std::size_t m) {
    store_some(out + i, loss.at(load_some(y + i, m), load_some(f + i, m)).value, m);
  });
}

// Per row: two loads, two stores, and what the loss computes.
template <class L>
void derivatives(const double* y, const double* f, const double* parameters, std::size_t n, double* gradients,
                 double* hessians) {
  const L loss = with_parameters<L>(parameters);
  for_each_vector(n, [&](std::size_t i, std::size_t m) {
    const Derivatives<Doubles> at = loss.at(load_some(y + i, m), load_some(f + i, m));
    store_some(gradients + i, at.gradient, m);
    store_some(hessians + i, at.hessian, m);
  });
}

template <class L>
void steps(const double* y, const double* f, const double* parameters, std::size_t n, double* gradients,
           double* curvatures) {
  const L loss = with_parameters<L>(parameters);
  for_each_vector(n, [&](std::size_t i, std::size_t m) {
    const Doubles target = load_some(y + i, m);
    const Doubles score = load_some(f + i, m);
    const Derivatives<Doubles> at = loss.at(target, score);
    store_some(gradients + i, at.gradient, m);
    store_some(curvatures + i, loss.curvature(target, score, at), m);
  });
}

// Steps take the exact Hessian unless a loss says otherwise.
template <class L>
constexpr PointwiseLoops::Pairs steps_of() {
  if constexpr (requires(const L& loss, Doubles v) { loss.curvature(v, v, Derivatives<Doubles>{}); }) {
    return steps<L>;
  } else {
    return derivatives<L>;
  }
}

template <class List>
struct LoopsOf;
template <class... L>
struct LoopsOf<LossList<L...>> {
  static constexpr PointwiseLoops all[] = {{values<L>, derivatives<L>, steps_of<L>()}...};
};

}  // namespace

extern const PointwiseTable CURVATURE_ISA_SYMBOL(pointwise_table){LoopsOf<BuiltinLosses>::all};

}  // namespace curvature
