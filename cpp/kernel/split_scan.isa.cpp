#include "kernel/split_scan.hpp"

#include "base/isa_symbol.hpp"
#include "math/simd.hpp"

namespace curvature::kernel {
namespace {

constexpr int kParts = kWordSlots / kLanes;  // registers a line of eight cells takes

// The best cut so far of each lane: its score as a fraction, and 2 * bin + missing_left.
struct Best {
  Doubles numerator = splat(-1.0);
  Doubles denominator = splat(1.0);
  Doubles code = splat(0.0);
};

template <bool L1>
inline Doubles thresholded(Doubles gradient, double alpha) {
  if constexpr (!L1) return gradient;
  const Doubles shrunk = max(abs(gradient) - alpha, splat(0.0));
  return gradient < 0.0 ? -shrunk : shrunk;
}

// Offers the cut whose left child sums to `left`.
template <bool L1>
inline void offer(const ScanTask& task, Words left, Integers allowed, double code, Best& best) {
  const Doubles left_hessian = low_half(left);
  const Doubles right_hessian = task.hessian - left_hessian;
  const Doubles left_gradient = high_half(left);
  const Doubles a = left_hessian + task.lambda;
  const Doubles b = right_hessian + task.lambda;
  const Doubles gl = thresholded<L1>(left_gradient, task.alpha);
  const Doubles gr = thresholded<L1>(task.gradient - left_gradient, task.alpha);
  const Doubles numerator = gl * gl * b + gr * gr * a;
  const Doubles denominator = a * b;
  // All factors are below 2^64, so the products stay far below the largest double.
  const Integers better = (left_hessian >= task.min_hessian) & (right_hessian >= task.min_hessian) & allowed &
                          (numerator * best.denominator > best.numerator * denominator);
  best.numerator = better ? numerator : best.numerator;
  best.denominator = better ? denominator : best.denominator;
  best.code = better ? splat(code) : best.code;
}

template <bool Missing, bool L1>
void scan_word(const ScanTask& task, LaneSplits& result) {
  const auto allowed = [&](std::int32_t bin, int side) {
    const bool inside = bin >= task.first_bin[side] && bin <= task.last_bin[side];
    return Integers{} - static_cast<std::int64_t>(inside);
  };
  for (int part = 0; part < kParts; ++part) {
    const Cell* cells = task.cells + part * kLanes;
    Best best;
    Words sum{};
    [[maybe_unused]] const Words missing = load<Words>(cells);
    for (std::int32_t bin = 1; bin < task.lines; ++bin) {
      sum += load<Words>(cells + static_cast<std::size_t>(bin) * kWordSlots);
      offer<L1>(task, sum, allowed(bin, 0), 2.0 * bin, best);
      if constexpr (Missing) offer<L1>(task, sum + missing, allowed(bin, 1), 2.0 * bin + 1.0, best);
    }
    const Doubles score = best.numerator / best.denominator;
    for (int lane = 0; lane < kLanes; ++lane) {
      const int slot = part * kLanes + lane;
      const auto code = static_cast<std::int32_t>(best.code[lane]);
      result.score[slot] = score[lane];
      result.bin[slot] = code >> 1;
      result.missing_left[slot] = (code & 1) != 0;
    }
  }
}

void scan(const ScanTask& task, LaneSplits& best) {
  if (task.alpha > 0) return task.has_missing ? scan_word<true, true>(task, best) : scan_word<false, true>(task, best);
  return task.has_missing ? scan_word<true, false>(task, best) : scan_word<false, false>(task, best);
}

}  // namespace

extern const SplitScanTable CURVATURE_ISA_SYMBOL(split_scan_table){scan};

}  // namespace curvature::kernel
