#include "base/isa_symbol.hpp"
#include "loss/row_vectors.hpp"
#include "loss/softmax_loops.hpp"
#include "math/exponential.hpp"

namespace curvature {
namespace {

// Largest score of each row; the rest of the sum is taken relative to it, so nothing overflows.
Doubles largest(const double* const* scores, std::size_t n_classes, std::size_t row, std::size_t m) {
  Doubles most = load_some(scores[0] + row, m);
  for (std::size_t k = 1; k < n_classes; ++k) most = max(most, load_some(scores[k] + row, m));
  return most;
}

// Adds e^(f - most) to a sum that leaves one row of e = 1 out: it starts at -1, and -1 + 1 is exact only if the 1 comes
// first, hence two counts.
struct OtherTerms {
  Doubles small = splat(0.0);
  Doubles ones = splat(-1.0);
  void add(Doubles e) {
    small += e < 1.0 ? e : splat(0.0);
    ones += e < 1.0 ? splat(0.0) : splat(1.0);
  }
  [[nodiscard]] Doubles sum() const { return small + ones; }
};

void values(const double* y, const double* const* scores, std::size_t n_classes, std::size_t n, double* out) {
  for_each_vector(n, [&](std::size_t row, std::size_t m) {
    const Doubles label = load_some(y + row, m);
    const Doubles most = largest(scores, n_classes, row, m);
    OtherTerms others;
    Doubles own = most;
    for (std::size_t k = 0; k < n_classes; ++k) {
      const Doubles score = load_some(scores[k] + row, m);
      others.add(exp(score - most));
      own = label == static_cast<double>(k) ? score : own;
    }
    store_some(out + row, (most - own) + log1p(others.sum()), m);
  });
}

// One exponential a score; the terms wait in the gradients' memory for their sum.
void derivatives(const double* y, const double* const* scores, std::size_t n_classes, std::size_t n,
                 double* const* gradients, double* const* hessians) {
  for_each_vector(n, [&](std::size_t row, std::size_t m) {
    const Doubles label = load_some(y + row, m);
    const Doubles most = largest(scores, n_classes, row, m);
    OtherTerms others;
    for (std::size_t k = 0; k < n_classes; ++k) {
      const Doubles e = exp(load_some(scores[k] + row, m) - most);
      others.add(e);
      store_some(gradients[k] + row, e, m);
    }
    const Doubles rest = others.sum();
    const Doubles per_sum = 1.0 / (1.0 + rest);
    for (std::size_t k = 0; k < n_classes; ++k) {
      const Doubles e = load_some(gradients[k] + row, m);
      const Doubles p = e * per_sum;
      const Doubles q = e < 1.0 ? 1.0 - p : rest * per_sum;  // 1 - p, with all its digits where p is near 1
      store_some(gradients[k] + row, label == static_cast<double>(k) ? -q : p, m);
      store_some(hessians[k] + row, p * q, m);
    }
  });
}

}  // namespace

extern const SoftmaxTable CURVATURE_ISA_SYMBOL(softmax_table){values, derivatives};

}  // namespace curvature
