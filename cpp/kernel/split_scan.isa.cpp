#include "kernel/split_scan.hpp"

#include "base/isa_symbol.hpp"
#include "math/simd.hpp"

namespace curvature::kernel {
namespace {

constexpr int kParts = kWordSlots / kLanes;  // registers a line of eight cells takes

// What all bins of a word share.
struct Shared {
  double a_and_b;   // a + b = H + 2 lambda, with a = H_L + lambda and b = H_R + lambda
  double least;     // of a and of b: min_hessian + lambda
  double gradient;  // G
  double per_unit;  // G / (H + 2 lambda)
  double lambda;
  double alpha;
};

// The best cut so far of each lane: its score as a fraction, and 2 * bin + missing_left.
struct Best {
  Doubles numerator = splat(-1.0);
  Doubles denominator = splat(1.0);
  Doubles code = splat(0.0);
};

inline Doubles thresholded(Doubles gradient, double alpha) {
  const Doubles shrunk = max(abs(gradient) - alpha, splat(0.0));
  return gradient < 0.0 ? -shrunk : shrunk;
}

// Offers the cut whose left child sums to `left`.
// Without L1, G_L^2/a + G_R^2/b = (a + b) (G_L - a G/(a+b))^2 / (a b) + G^2/(a + b): only the square needs a pass over
// the bins. With L1 both squares are needed. The quotient differs by constants, which `score` puts back.
template <bool L1>
inline void offer(const Shared& shared, Words left, Doubles code, Integers allowed, Best& best) {
  const Doubles a = low_half(left) + shared.lambda;
  const Doubles b = shared.a_and_b - a;
  const Doubles left_gradient = high_half(left);
  Doubles numerator;
  if constexpr (L1) {
    const Doubles gl = thresholded(left_gradient, shared.alpha);
    const Doubles gr = thresholded(shared.gradient - left_gradient, shared.alpha);
    numerator = gl * gl * b + gr * gr * a;
  } else {
    const Doubles excess = left_gradient - a * shared.per_unit;
    numerator = excess * excess;
  }
  const Doubles denominator = a * b;
  // All factors are below 2^64, so the products stay far below the largest double.
  const Integers better =
      (min(a, b) >= shared.least) & (numerator * best.denominator > best.numerator * denominator) & allowed;
  best.numerator = better ? numerator : best.numerator;
  best.denominator = better ? denominator : best.denominator;
  best.code = better ? code : best.code;
}

template <bool Missing, bool L1, bool Ranged>
void scan_word(const ScanTask& task, LaneSplits& result) {
  Shared shared;
  shared.a_and_b = task.hessian + 2 * task.lambda;
  shared.least = task.min_hessian + task.lambda;
  shared.gradient = task.gradient;
  shared.per_unit = task.gradient / shared.a_and_b;
  shared.lambda = task.lambda;
  shared.alpha = task.alpha;
  const auto allowed = [&](std::int32_t bin, int side) {
    if constexpr (!Ranged) return ~Integers{};
    const bool inside = bin >= task.first_bin[side] && bin <= task.last_bin[side];
    return Integers{} - static_cast<std::int64_t>(inside);
  };
  // All registers of a line go along together: one's updates hide the latency of another's.
  Best best[kParts];
  Words sum[kParts] = {};
  Doubles code{};
  for (std::int32_t bin = 1; bin < task.lines; ++bin) {
    const Cell* line = task.cells + static_cast<std::ptrdiff_t>(bin) * kWordSlots;
    code += 2.0;
    for (int part = 0; part < kParts; ++part) {
      sum[part] += load<Words>(line + part * kLanes);
      offer<L1>(shared, sum[part], code, allowed(bin, 0), best[part]);
      if constexpr (Missing) {
        const Words missing = load<Words>(task.cells + part * kLanes);
        // With no value on the left, this is "values | missing" mirrored: that one is offered at the last bin.
        const Integers some_value = low_half(sum[part]) >= 1.0;
        offer<L1>(shared, sum[part] + missing, code + 1.0, allowed(bin, 1) & some_value, best[part]);
      }
    }
  }
  for (int part = 0; part < kParts; ++part) {
    Doubles score = best[part].numerator / best[part].denominator;
    if constexpr (!L1) score = score * shared.a_and_b + shared.gradient * shared.per_unit;
    for (int lane = 0; lane < kLanes; ++lane) {
      const int slot = part * kLanes + lane;
      const auto best_code = static_cast<std::int32_t>(best[part].code[lane]);
      result.score[slot] = best_code > 0 ? score[lane] : -1.0;
      result.bin[slot] = best_code >> 1;
      result.missing_left[slot] = (best_code & 1) != 0;
    }
  }
}

template <bool Missing, bool L1>
void scan_ranged(const ScanTask& task, LaneSplits& best) {
  if (task.ranged) return scan_word<Missing, L1, true>(task, best);
  return scan_word<Missing, L1, false>(task, best);
}

void scan(const ScanTask& task, LaneSplits& best) {
  if (task.alpha > 0) {
    return task.has_missing ? scan_ranged<true, true>(task, best) : scan_ranged<false, true>(task, best);
  }
  return task.has_missing ? scan_ranged<true, false>(task, best) : scan_ranged<false, false>(task, best);
}

}  // namespace

extern const SplitScanTable CURVATURE_ISA_SYMBOL(split_scan_table){scan};

}  // namespace curvature::kernel
