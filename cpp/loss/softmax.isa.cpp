#include <algorithm>

#include "base/isa_symbol.hpp"
#include "loss/row_vectors.hpp"
#include "loss/softmax_loops.hpp"
#include "math/exponential_rows.hpp"

namespace curvature {
namespace {

// Adds e^(f - most) to a sum that leaves one row of e = 1 out: it starts at -1, and -1 + 1 is exact only if the 1 comes
// first, hence two counts.
struct OtherTerms {
  Doubles small = splat(0.0);
  Doubles ones = splat(-1.0);
  void add(Doubles e) {
    small += e >= 1.0 ? splat(0.0) : e;  // NaN too, so that the sum is NaN
    ones += e >= 1.0 ? splat(1.0) : splat(0.0);
  }
  [[nodiscard]] Doubles sum() const { return small + ones; }
};

// The share p of a class in one number, from which p and 1 - p follow with all their digits: the smaller of the two,
// with a minus sign (of -0 too) where that is 1 - p.
struct Share {
  Doubles packed;

  static Share of(Doubles p, Doubles others) { return {p > 0.5 ? -others : p}; }
  [[nodiscard]] Doubles smaller() const { return abs(packed); }
  [[nodiscard]] Integers is_large() const { return reinterpret_cast<Integers>(packed) < 0; }
  [[nodiscard]] Doubles p() const { return is_large() ? 1.0 - smaller() : smaller(); }
  [[nodiscard]] Doubles others() const { return is_large() ? smaller() : 1.0 - smaller(); }
  [[nodiscard]] Doubles hessian() const { return smaller() * (1.0 - smaller()); }
};

// Some rows, in passes over as many as the first cache holds: exponentials go faster in numbers.
struct Block {
  alignas(64) double most[kRowsAtOnce];   // largest score; the rest is taken relative to it, so nothing overflows
  alignas(64) double small[kRowsAtOnce];  // OtherTerms
  alignas(64) double ones[kRowsAtOnce];

  template <class Lanes>
  void find_largest(const double* const* scores, std::size_t n_classes, std::size_t row, std::size_t n, Lanes m) {
    for (std::size_t i = 0; i < n; i += kLanes) {
      Doubles largest = load_some(scores[0] + row + i, m);
      for (std::size_t k = 1; k < n_classes; ++k) largest = max(largest, load_some(scores[k] + row + i, m));
      store(most + i, largest);
    }
  }

  // Sums e^(f - most) over the classes; visit(k, row, e) sees each term.
  template <class Lanes, class Visit>
  void sum_terms(const double* const* scores, std::size_t n_classes, std::size_t row, std::size_t n, Lanes m,
                 Visit&& visit) {
    for (std::size_t i = 0; i < n; i += kLanes) {
      store(small + i, OtherTerms{}.small);
      store(ones + i, OtherTerms{}.ones);
    }
    for (std::size_t k = 0; k < n_classes; ++k) {
      const double* const score = scores[k] + row;
      for_each_exponential<Use::at_once>(
          n, [=, this](std::size_t i) { return load_some(score + i, m) - load<Doubles>(most + i); },
          [=, this](std::size_t i, Doubles e) {
            OtherTerms others{load<Doubles>(small + i), load<Doubles>(ones + i)};
            others.add(e);
            store(small + i, others.small);
            store(ones + i, others.ones);
            visit(k, row + i, e);
          });
    }
  }
  [[nodiscard]] Doubles rest(std::size_t i) const {
    return OtherTerms{load<Doubles>(small + i), load<Doubles>(ones + i)}.sum();
  }
};

template <class Visit>
void in_blocks(std::size_t n, Visit&& visit) {
  Block block;
  in_vectors(n, [&](std::size_t first, std::size_t rows, auto m) {
    for (std::size_t i = 0; i < rows; i += kRowsAtOnce) visit(block, first + i, std::min(kRowsAtOnce, rows - i), m);
  });
}

// What the target says of a class in some rows, from a class code a row or from a share a class and row.
struct Codes {
  const double* y;

  template <class Lanes>
  [[nodiscard]] Doubles distance(const double* const* scores, std::size_t n_classes, std::size_t row, Doubles most,
                                 Lanes m) const {
    const Doubles label = load_some(y + row, m);
    Doubles own = most;
    for (std::size_t k = 0; k < n_classes; ++k) {
      own = label == static_cast<double>(k) ? load_some(scores[k] + row, m) : own;
    }
    return most - own;
  }
  template <class Lanes>
  [[nodiscard]] Doubles gradient(std::size_t k, std::size_t row, Share share, Lanes m) const {
    return load_some(y + row, m) == static_cast<double>(k) ? -share.others() : share.p();
  }
};

struct Shares {
  const double* const* y;

  template <class Lanes>
  [[nodiscard]] Doubles distance(const double* const* scores, std::size_t n_classes, std::size_t row, Doubles most,
                                 Lanes m) const {
    Doubles sum{};
    for (std::size_t k = 0; k < n_classes; ++k) {
      sum += load_some(y[k] + row, m) * (most - load_some(scores[k] + row, m));
    }
    return sum;
  }
  template <class Lanes>
  [[nodiscard]] Doubles gradient(std::size_t k, std::size_t row, Share share, Lanes m) const {
    const Doubles target = load_some(y[k] + row, m);
    return (1.0 - target) * share.p() - target * share.others();  // p - target, with all digits where both are near 1
  }
};

template <class Target>
inline void all_values(const Target& target, const double* const* scores, std::size_t n_classes, std::size_t n,
                       double* out) {
  in_blocks(n, [&](Block& block, std::size_t row, std::size_t rows, auto m) {
    block.find_largest(scores, n_classes, row, rows, m);
    block.sum_terms(scores, n_classes, row, rows, m, [](std::size_t, std::size_t, Doubles) {});
    for (std::size_t i = 0; i < rows; i += kLanes) {
      const Doubles distance = target.distance(scores, n_classes, row + i, load<Doubles>(block.most + i), m);
      store_some(out + row + i, distance + log1p(block.rest(i)), m);
    }
  });
}

// visit(k, row, share, rows in a vector) for every class and row. One exponential a score; the terms wait in `memory`,
// a column of n rows a class, for their sum.
template <class Visit>
inline void all_shares(const double* const* scores, std::size_t n_classes, std::size_t n, double* const* memory,
                       Visit&& visit) {
  in_blocks(n, [&](Block& block, std::size_t row, std::size_t rows, auto m) {
    block.find_largest(scores, n_classes, row, rows, m);
    block.sum_terms(scores, n_classes, row, rows, m,
                    [&](std::size_t k, std::size_t at, Doubles e) { store_some(memory[k] + at, e, m); });
    double* const per_sum = block.most;  // no longer needed
    for (std::size_t i = 0; i < rows; i += kLanes) store(per_sum + i, 1.0 / (1.0 + block.rest(i)));
    for (std::size_t k = 0; k < n_classes; ++k) {
      for (std::size_t i = 0; i < rows; i += kLanes) {
        const Doubles p = load_some(memory[k] + row + i, m) * load<Doubles>(per_sum + i);
        visit(k, row + i, Share::of(p, block.rest(i) * load<Doubles>(per_sum + i)), m);
      }
    }
  });
}

template <class Target>
inline void all_derivatives(const Target& target, const double* const* scores, std::size_t n_classes, std::size_t n,
                            double* const* gradients, double* const* hessians) {
  all_shares(scores, n_classes, n, gradients, [&](std::size_t k, std::size_t row, Share share, auto m) {
    store_some(gradients[k] + row, target.gradient(k, row, share, m), m);
    store_some(hessians[k] + row, share.hessian(), m);
  });
}

template <class Target>
inline void all_unpacked(const Target& target, std::size_t k, const double* packed, std::size_t n, double* gradients,
                         double* hessians) {
  in_vectors(n, [&](std::size_t first, std::size_t rows, auto m) {
    for (std::size_t i = first; i < first + rows; i += kLanes) {
      const Share share{load_some(packed + i, m)};
      store_some(gradients + i, target.gradient(k, i, share, m), m);
      store_some(hessians + i, share.hessian(), m);
    }
  });
}

[[gnu::flatten]] void values(const double* y, const double* const* scores, std::size_t n_classes, std::size_t n,
                             double* out) {
  all_values(Codes{y}, scores, n_classes, n, out);
}
[[gnu::flatten]] void derivatives(const double* y, const double* const* scores, std::size_t n_classes, std::size_t n,
                                  double* const* gradients, double* const* hessians) {
  all_derivatives(Codes{y}, scores, n_classes, n, gradients, hessians);
}
[[gnu::flatten]] void values_of_shares(const double* const* y, const double* const* scores, std::size_t n_classes,
                                       std::size_t n, double* out) {
  all_values(Shares{y}, scores, n_classes, n, out);
}
[[gnu::flatten]] void derivatives_of_shares(const double* const* y, const double* const* scores, std::size_t n_classes,
                                            std::size_t n, double* const* gradients, double* const* hessians) {
  all_derivatives(Shares{y}, scores, n_classes, n, gradients, hessians);
}
[[gnu::flatten]] void pack(const double* const* scores, std::size_t n_classes, std::size_t n, double* const* packed) {
  all_shares(scores, n_classes, n, packed, [&](std::size_t k, std::size_t row, Share share, auto m) {
    store_some(packed[k] + row, share.packed, m);
  });
}
[[gnu::flatten]] void unpack(const double* y, std::size_t k, const double* packed, std::size_t n, double* gradients,
                             double* hessians) {
  all_unpacked(Codes{y}, k, packed, n, gradients, hessians);
}
[[gnu::flatten]] void unpack_of_shares(const double* const* y, std::size_t k, const double* packed, std::size_t n,
                                       double* gradients, double* hessians) {
  all_unpacked(Shares{y}, k, packed, n, gradients, hessians);
}

}  // namespace

extern const SoftmaxTable CURVATURE_ISA_SYMBOL(softmax_table){
    values, derivatives, values_of_shares, derivatives_of_shares, pack, unpack, unpack_of_shares};

}  // namespace curvature
