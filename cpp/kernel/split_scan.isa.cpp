#include "kernel/split_scan.hpp"

#include <algorithm>
#include <cmath>

#include "base/isa_symbol.hpp"
#include "kernel/cut_bounds.hpp"
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

// Lines with a cut to look at; those before are but added up.
struct Lines {
  std::int32_t first, end;
};
template <bool Missing>
Lines lines_of(const ScanTask& task) {
  if (!task.ranges) return {1, task.lines};
  Lines lines{task.lines, 1};
  for (int side = 0; side < (Missing ? 2 : 1); ++side) {
    for (int slot = 0; slot < kWordSlots; ++slot) {
      if (task.ranges->first[side][slot] > task.ranges->last[side][slot]) continue;
      lines.first = std::min(lines.first, task.ranges->first[side][slot]);
      lines.end = std::max(lines.end, std::min(task.ranges->last[side][slot] + 1, task.lines));
    }
  }
  return lines;
}

// The exact search: where it stands, line by line. Held: to the ranges of the task.
template <bool Missing, bool L1, bool Held>
struct Search {
  Shared shared;
  const ScanTask& task;
  Words missing[kParts];
  Words sum[kParts] = {};
  Best best[kParts];

  explicit Search(const ScanTask& scanned) : shared(shared_of(scanned)), task(scanned) {
    for (int part = 0; part < kParts; ++part) missing[part] = load<Words>(task.cells + part * kLanes);
  }

  [[nodiscard]] Integers allowed(int side, std::int32_t bin, int part) const {
    if constexpr (!Held) return ~Integers{};
    using Bins = std::int32_t __attribute__((vector_size(kLanes * sizeof(std::int32_t))));
    const auto first = load<Bins>(task.ranges->first[side] + part * kLanes);
    const auto last = load<Bins>(task.ranges->last[side] + part * kLanes);
    return __builtin_convertvector((first <= bin) & (last >= bin), Integers);
  }

  void add(std::int32_t bin) {
    const Cell* line = task.cells + static_cast<std::ptrdiff_t>(bin) * kWordSlots;
    for (int part = 0; part < kParts; ++part) sum[part] += load<Words>(line + part * kLanes);
  }
  // All registers of a line go along together: one's updates hide the latency of another's.
  void offer_line(std::int32_t bin) {
    const Doubles code = splat(2.0 * bin);
    for (int part = 0; part < kParts; ++part) {
      offer<L1>(shared, sum[part], code, allowed(0, bin, part), best[part]);
      if constexpr (Missing) {
        // With no value on the left, this is "values | missing" mirrored: that one is offered at the last bin.
        const Integers some_value = low_half(sum[part]) >= 1.0;
        offer<L1>(shared, sum[part] + missing[part], code + 1.0, some_value & allowed(1, bin, part), best[part]);
      }
    }
  }
  void write(LaneSplits& result) const {
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
};

template <bool Missing, bool L1, bool Held>
void scan_word(const ScanTask& task, const Lines& lines, LaneSplits& result) {
  Search<Missing, L1, Held> search(task);
  for (std::int32_t bin = 1; bin < lines.first; ++bin) search.add(bin);
  for (std::int32_t bin = lines.first; bin < lines.end; ++bin) {
    search.add(bin);
    search.offer_line(bin);
  }
  search.write(result);
}

// The sieve. In a first pass, cuts are scored by their bounds. In a second pass the lines with a score near the highest
// are offered to the exact search. It has missed none if its best score is above all that was sifted out; otherwise it
// looks again, from there on. Offering more than need be changes nothing.

constexpr std::int32_t kSiftedLines = 256;       // at most: the scores of 256 lines stay in the first-level cache
constexpr std::int32_t kLinesWorthSifting = 12;  // fewer are offered faster than sifted

inline void add(const Cell* from, Cells& sum) {
  Cells cells;
  read(from, cells);
  sum += cells;
}

struct Sieve {
  CutBounds bounds;
  Halves before[2], behind[2];  // bins around the range that cuts are held to

  explicit Sieve(const ScanTask& task) : bounds(task) {
    for (int side = 0; task.ranges && side < 2; ++side) {
      for (int at = 0; at < kWordSlots; ++at) {
        before[side][at] = task.ranges->first[side][kPlaceOf[at]] - 1;
        behind[side][at] = task.ranges->last[side][kPlaceOf[at]] + 1;
      }
    }
  }

  template <bool Held>
  void score(const Sums& left, int side, const Halves& bin, Floats& result, Floats& highest) const {
    Halves allowed = ~Halves{};
    if constexpr (Held) allowed = (bin > before[side]) & (behind[side] > bin);
    bounds.score(left, allowed, result, highest);
  }
};

template <bool Missing, bool Held>
void sift_word(const ScanTask& task, const Lines& lines, LaneSplits& result) {
  constexpr int kSides = Missing ? 2 : 1;
  Floats scores[kSiftedLines][kSides];
  const Sieve sieve(task);
  Cells low{}, high{};
  add(task.cells, low);
  add(task.cells + 4, high);
  const Sums missing(low, high);
  low = high = Cells{};
  const auto add_line = [&](std::int32_t bin) {
    const Cell* line = task.cells + static_cast<std::ptrdiff_t>(bin) * kWordSlots;
    add(line, low);
    add(line + 4, high);
  };
  for (std::int32_t bin = 1; bin < lines.first; ++bin) add_line(bin);
  const Cells start[2] = {low, high};
  Floats highest = Floats{} - 1.0f;
  Halves bins = lines.first - Halves{};
  for (std::int32_t bin = lines.first; bin < lines.end; ++bin, bins += 1) {
    add_line(bin);
    Sums left(low, high);
    sieve.score<Held>(left, 0, bins, scores[bin][0], highest);
    if constexpr (Missing) {
      left.gradient += missing.gradient;
      left.hessian += missing.hessian;
      sieve.score<Held>(left, 1, bins, scores[bin][1], highest);
    }
  }
  // Lanes without any cut look at none.
  Floats least = highest * static_cast<float>(1 - kSlack);
  least = highest < 0.0f ? Floats{} + __builtin_inff() : (least < kLeastSifted ? Floats{} : least);
  for (;;) {
    Search<Missing, false, Held> search(task);
    std::memcpy(search.sum, start, sizeof(start));
    for (std::int32_t bin = lines.first; bin < lines.end; ++bin) {
      search.add(bin);
      bool near = any_at_least(scores[bin][0], least);
      if constexpr (Missing) near |= any_at_least(scores[bin][1], least);
      if (near) search.offer_line(bin);
    }
    bool missed = false;
    for (int at = 0; at < kWordSlots; ++at) {
      const int slot = kPlaceOf[at];
      const Best& best = search.best[slot / kLanes];
      const double found = best.numerator[slot % kLanes] / best.denominator[slot % kLanes];
      const double bound = found * (1 - 2 * kQuotientError);
      if (!(highest[at] >= 0) || bound >= static_cast<double>(least[at]) || least[at] <= 0) continue;
      missed = true;
      least[at] = bound > kLeastSifted ? static_cast<float>(bound * (1 - kQuotientError)) : 0.0f;
    }
    if (!missed) return search.write(result);
  }
}

template <bool Missing, bool Held>
void scan_lines(const ScanTask& task, LaneSplits& best) {
  const Lines lines = lines_of<Missing>(task);
  if (task.alpha > 0) return scan_word<Missing, true, Held>(task, lines, best);
  const bool sifted =
      lines.end - lines.first + 1 >= kLinesWorthSifting && task.lines <= kSiftedLines && task.lambda < kMostLambda;
  return sifted ? sift_word<Missing, Held>(task, lines, best) : scan_word<Missing, false, Held>(task, lines, best);
}

void scan(const ScanTask& task, LaneSplits& best) {
  bool some_missing = false;  // where none is at this node, both sides are one
  for (int lane = 0; task.has_missing && lane < kWordSlots; ++lane) some_missing |= task.cells[lane] != 0;
  if (task.ranges) return some_missing ? scan_lines<true, true>(task, best) : scan_lines<false, true>(task, best);
  return some_missing ? scan_lines<true, false>(task, best) : scan_lines<false, false>(task, best);
}

double thresholded_one(double gradient, double alpha) {
  const double shrunk = std::abs(gradient) - alpha > 0.0 ? std::abs(gradient) - alpha : 0.0;
  return gradient < 0.0 ? -shrunk : shrunk;
}

SlotSplit scan_lane(const ScanTask& task, int lane, const BinRange& range) {
  const Shared shared = shared_of(task);
  const Cell missing = task.cells[lane];
  double best_numerator = -1, best_denominator = 1;
  SlotSplit best;
  const auto offer_one = [&](Cell left, std::int32_t bin, int side) {
    if (bin < range.first[side] || bin > range.last[side]) return;
    const double a = static_cast<double>(hessian_sum(left)) + shared.lambda;
    const double b = shared.a_and_b - a;
    const auto gradient = static_cast<double>(gradient_sum(left));
    double numerator;
    if (shared.alpha > 0) {
      const double gl = thresholded_one(gradient, shared.alpha);
      const double gr = thresholded_one(shared.gradient - gradient, shared.alpha);
      numerator = gl * gl * b + gr * gr * a;
    } else {
      const double excess = gradient - a * shared.per_unit;
      numerator = excess * excess;
    }
    const double denominator = a * b;
    const bool heavy = a >= shared.least && b >= shared.least;
    if (!heavy || !(numerator * best_denominator > best_numerator * denominator)) return;
    best_numerator = numerator;
    best_denominator = denominator;
    best.bin = bin;
    best.missing_left = side == 1;
  };
  const std::int32_t end = std::min(task.lines - 1, std::max(range.last[0], range.last[1]));
  const std::int32_t both = std::max(range.first[0], range.first[1]);
  Cell sum = 0;
  for (std::int32_t bin = 1; bin <= end; ++bin) {
    const Cell cell = task.cells[static_cast<std::ptrdiff_t>(bin) * kWordSlots + lane];
    sum += cell;
    if (cell == 0 && bin > both) continue;  // as good as the cut before
    offer_one(sum, bin, 0);
    if (task.has_missing && hessian_sum(sum) >= 1) offer_one(sum + missing, bin, 1);
  }
  if (best.bin == 0) return best;
  best.score = best_numerator / best_denominator;
  if (!(shared.alpha > 0)) best.score = best.score * shared.a_and_b + shared.gradient * shared.per_unit;
  return best;
}

}  // namespace

extern const SplitScanTable CURVATURE_ISA_SYMBOL(split_scan_table){scan, scan_lane};

}  // namespace curvature::kernel
