#include "base/isa_symbol.hpp"
#include "loss/pointwise_loops.hpp"
#include "math/exponential_rows.hpp"
#include "math/hyperbolic.hpp"
// The losses look up exp, log, abs and others at their point of use: math/ comes first.
#include "loss/builtin.hpp"
#include "loss/row_vectors.hpp"

namespace curvature {
namespace {

template <class L>
concept OfExponential = requires(const L& loss, Doubles v) { loss.exponent(v, v); };
template <class L>
concept Direct = requires(const L& loss, Doubles v) { loss.at(v, v); };

// Calls visit(i, rows in the vector, y, f, value and derivatives) for each vector of rows. The loops below are
// flattened, that is, all is inlined, so that what a visit does not look at is not computed.
template <bool by_exponential, class L, class Visit>
inline void for_each_vector(const L& loss, const double* y, const double* f, std::size_t n, Visit&& visit) {
  in_vectors(n, [&](std::size_t first, std::size_t rows, auto m) {
    const auto target = [&](std::size_t i) { return load_some(y + first + i, m); };
    const auto score = [&](std::size_t i) { return load_some(f + first + i, m); };
    if constexpr (by_exponential) {
      constexpr Use when = L::description.few_operations ? Use::at_once : Use::in_own_pass;
      for_each_exponential<when>(
          rows, [&](std::size_t i) { return loss.exponent(target(i), score(i)); },
          [&](std::size_t i, Doubles e) { visit(first + i, m, target(i), score(i), loss.at(target(i), score(i), e)); });
    } else {
      for (std::size_t i = 0; i < rows; i += kLanes) {
        visit(first + i, m, target(i), score(i), loss.at(target(i), score(i)));
      }
    }
  });
}

template <class L>
[[gnu::flatten]] void values(const double* y, const double* f, const double* parameters, std::size_t n, double* out) {
  const L loss = with_parameters<L>(parameters);
  for_each_vector<OfExponential<L>>(loss, y, f, n,
                                    [=](std::size_t i, auto m, Doubles, Doubles, const Derivatives<Doubles>& at) {
                                      store_some(out + i, at.value, m);
                                    });
}

// Per row: two loads, two stores, and what the loss computes.
template <class L>
[[gnu::flatten]] void derivatives(const double* y, const double* f, const double* parameters, std::size_t n,
                                  double* gradients, double* hessians) {
  const L loss = with_parameters<L>(parameters);
  for_each_vector<!Direct<L>>(loss, y, f, n,
                              [=](std::size_t i, auto m, Doubles, Doubles, const Derivatives<Doubles>& at) {
                                store_some(gradients + i, at.gradient, m);
                                store_some(hessians + i, at.hessian, m);
                              });
}

template <class L>
[[gnu::flatten]] void steps(const double* y, const double* f, const double* parameters, std::size_t n,
                            double* gradients, double* curvatures) {
  const L loss = with_parameters<L>(parameters);
  for_each_vector<!Direct<L>>(
      loss, y, f, n, [=](std::size_t i, auto m, Doubles target, Doubles score, const Derivatives<Doubles>& at) {
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
