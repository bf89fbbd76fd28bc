#include "kernel/sorted_scan.hpp"

#include <algorithm>
#include <array>

#include "base/isa_symbol.hpp"
#include "kernel/cut_bounds.hpp"

namespace curvature::kernel {
namespace {

void mark(const MarkTask& task) {
  std::uint64_t* const members = task.members;
  const std::size_t n_columns = task.n_columns;
  for (std::size_t i = 0; i < task.n_rows; ++i) {
    const std::uint32_t* const bits = task.bits + task.rows[i] * n_columns;
#pragma GCC unroll 4
    for (std::size_t c = 0; c < n_columns; ++c) members[bits[c] / 64] |= std::uint64_t{1} << (bits[c] % 64);
  }
}

// For each byte: the places of its bits, first to last.
using EightPlaces = Place __attribute__((vector_size(8 * sizeof(Place))));
constexpr auto kBitsOf = [] {
  std::array<std::array<Place, 8>, 256> bits{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::size_t n = 0;
    for (unsigned bit = 0; bit < 8; ++bit) {
      if (byte >> bit & 1) bits[byte][n++] = static_cast<Place>(bit);
    }
  }
  return bits;
}();

// Eight bits at a time, without a branch: whole registers are stored, and what is too much is overwritten.
std::size_t list(const std::uint64_t* members, std::size_t n_words, Place* places) {
  std::size_t n = 0;
  EightPlaces base{};
  for (std::size_t word = 0; word < n_words; ++word) {
    std::uint64_t bits = members[word];
    for (int byte = 0; byte < 8; ++byte, bits >>= 8, base += Place{8}) {
      store(places + n, load<EightPlaces>(kBitsOf[bits & 0xff].data()) + base);
      n += static_cast<std::size_t>(__builtin_popcount(bits & 0xff));
    }
  }
  return n;
}

// A column's rows of the node, in order. Cut k has k rows before it.
struct Column {
  Cell* sums;           // of the rows before each cut
  std::int32_t* codes;  // of the row behind each cut, 0 behind the last
  float* bounds[2];     // by cut, for missing values to the right and left
  std::size_t n_missing = 0;
  std::size_t first[2] = {1, 1}, last[2] = {0, 0};  // cuts that leave enough rows
};

template <bool All>
void add_up(const Cell* pairs, const std::uint8_t* codes, const Place* places, std::size_t n, Column& column) {
  Cell sum = 0;
  Cell* const sums = column.sums;
  std::int32_t* const own = column.codes;
  sums[0] = 0;
#pragma GCC unroll 4
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t place = All ? i : places[i];
    sum += pairs[place];
    own[i] = codes[place];
    sums[i + 1] = sum;
  }
  own[n] = 0;
}

void find_ranges(const SortedScanTask& task, bool held, Column& column) {
  const std::size_t n = task.n_members, m = column.n_missing, least = task.least;
  const bool any_side = m > 0 && column.sums[m] == 0;
  if (any_side && !held) {
    column.first[0] = m + 1;
    column.last[0] = n;
    return;
  }
  column.first[0] = m + least;
  column.last[0] = any_side ? n - least : std::min(n, n - least + m);
  if (m == 0 || any_side) return;
  column.first[1] = std::max(m + 1, least);
  column.last[1] = n - least;
}

Column view(const SortedScanTask& task, std::size_t c) {
  SortedScratch& scratch = *task.scratch;
  return {scratch.sums(c), scratch.codes(c), {scratch.bounds(c, 0), scratch.bounds(c, 1)}};
}

void add_up(const SortedScanTask& task, std::size_t c, Column& column) {
  const SortedColumns& all = task.columns;
  const Cell* pairs = all.pairs + c * all.stride;
  const std::uint8_t* codes = all.codes + c * all.stride;
  const std::size_t n = task.n_members;
  // The last rows are behind every cut, unless missing values make up for them.
  const std::size_t n_needed = all.has_missing[c] ? n : n - task.least + 1;
  if (n == all.n_rows) {
    add_up<true>(pairs, codes, nullptr, n_needed, column);
  } else {
    list(task.members + c * all.n_words, all.n_words, task.scratch->places());
    add_up<false>(pairs, codes, task.scratch->places(), n_needed, column);
  }
  if (!all.has_missing[c]) return;
  while (column.n_missing < n && column.codes[column.n_missing] == 0) ++column.n_missing;
}

struct Stretch {
  std::size_t begin, end;  // of cuts, those allowed on either side among them
};
Stretch stretch(const Column& column) {
  const std::size_t end = std::max(column.last[0], column.last[1]) + 1;
  const bool two = column.first[1] <= column.last[1];
  return {two ? std::min(column.first[0], column.first[1]) : column.first[0], end};
}

// The bounds of all cuts, eight at a time; returns the highest. Those of each eight stand in the order of kPlaceOf.
float bound(const CutBounds& bounds, const Column& column, int side) {
  const Stretch cuts = stretch(column);
  const auto first = static_cast<std::int32_t>(column.first[side]), last = static_cast<std::int32_t>(column.last[side]);
  const Cells base = Cells{} + (side == 0 ? column.sums[column.n_missing] : Cell{0});
  Halves at;
  for (int i = 0; i < 8; ++i) at[i] = static_cast<std::int32_t>(cuts.begin) + kPlaceOf[i];
  Floats highest = Floats{} - 1.0f;
  for (std::size_t cut = cuts.begin; cut < cuts.end; cut += 8, at += 8) {
    Cells low, high;
    read(column.sums + cut, low);
    read(column.sums + cut + 4, high);
    Halves before, behind;
    read(column.codes + cut - 1, before);
    read(column.codes + cut, behind);
    const Halves differ = before != behind;
    const Halves ends = __builtin_shufflevector(differ, differ, 0, 1, 4, 5, 2, 3, 6, 7);
    Floats result;
    bounds.score(Sums(low - base, high - base), ends & (at >= first) & (at <= last), result, highest);
    std::memcpy(column.bounds[side] + cut, &result, sizeof(result));
  }
  float most = -1;
  for (int i = 0; i < 8; ++i) most = std::max(most, highest[i]);
  return most;
}

// The exact search of a column, cut by cut, among those whose bound is not below `least`. Returns the best quotient.
double search(const Shared& shared, const Column& column, float least, SortedCut& best) {
  double best_numerator = -1, best_denominator = 1;
  const Cell missing = column.sums[column.n_missing];
  const auto offer = [&](std::size_t cut, int side) {
    const Cell values = column.sums[cut] - missing;
    if (side == 1 && hessian_sum(values) < 1) return;  // the mirrored cut is offered behind the last value
    const Cell left = side == 1 ? column.sums[cut] : values;
    const double a = static_cast<double>(hessian_sum(left)) + shared.lambda;
    const double b = shared.a_and_b - a;
    const double excess = static_cast<double>(gradient_sum(left)) - a * shared.per_unit;
    const double numerator = excess * excess;
    const double denominator = a * b;
    const bool heavy = a >= shared.least && b >= shared.least;
    if (!heavy || !(numerator * best_denominator > best_numerator * denominator)) return;
    best_numerator = numerator;
    best_denominator = denominator;
    best.bin = column.codes[cut - 1];
    best.missing_left = side == 1;
    best.n_before = static_cast<std::uint32_t>(cut);
    best.left_sum = left;
  };
  const int n_sides = column.first[1] <= column.last[1] ? 2 : 1;
  const Stretch cuts = stretch(column);
  for (std::size_t eight = cuts.begin; eight < cuts.end; eight += 8) {
    bool near = false;
    for (int side = 0; side < n_sides; ++side) {
      Floats scores;
      read(column.bounds[side] + eight, scores);
      near |= !all_below(scores, Floats{} + least);
    }
    if (!near) continue;
    for (std::size_t i = 0; i < 8; ++i) {
      for (int side = 0; side < n_sides; ++side) {
        // kPlaceOf is its own inverse.
        if (!(column.bounds[side][eight + static_cast<std::size_t>(kPlaceOf[i])] < least)) offer(eight + i, side);
      }
    }
  }
  if (best_numerator < 0) return -1;
  const double quotient = best_numerator / best_denominator;
  best.score = quotient * shared.a_and_b + shared.gradient * shared.per_unit;
  return quotient;
}

void scan(const SortedScanTask& task, SortedCut* cuts) {
  const std::size_t n_columns = task.columns.n_columns;
  const Shared shared = shared_of(task);
  const CutBounds bounds(task);
  const bool sifted = task.lambda < kMostLambda;
  float highest = -1;
  for (std::size_t c = 0; c < n_columns; ++c) {
    cuts[c] = {};
    if (!task.searched[c]) continue;
    Column column = view(task, c);
    add_up(task, c, column);
    find_ranges(task, task.held[c], column);
    cuts[c].n_missing = static_cast<std::uint32_t>(column.n_missing);
    cuts[c].missing_sum = column.sums[column.n_missing];
    cuts[c].bound = bound(bounds, column, 0);
    if (column.first[1] <= column.last[1]) cuts[c].bound = std::max(cuts[c].bound, bound(bounds, column, 1));
    if (!sifted) cuts[c].bound = 0;
    highest = std::max(highest, cuts[c].bound);
  }
  if (highest < 0) return;
  float least = highest < kLeastSifted ? 0.0f : highest * static_cast<float>(1 - kSlack);
  for (;;) {
    double found = 0;
    for (std::size_t c = 0; c < n_columns; ++c) {
      if (!(cuts[c].bound >= least)) continue;
      Column column = view(task, c);
      column.n_missing = cuts[c].n_missing;
      find_ranges(task, task.held[c], column);
      found = std::max(found, search(shared, column, least, cuts[c]));
    }
    // What was sifted out has a quotient of less than least / (1 - kQuotientError), so that this much stays between.
    const double bound = found * (1 - 2 * kQuotientError);
    const double between = found * kQuotientError * shared.a_and_b;
    const bool apart = between >= (1 - kNearest) * (found * shared.a_and_b + shared.gradient * shared.per_unit);
    if (least <= 0 || (apart && bound >= static_cast<double>(least))) return;
    least = apart && bound > kLeastSifted ? static_cast<float>(bound * (1 - kQuotientError)) : 0.0f;
  }
}

}  // namespace

extern const SortedScanTable CURVATURE_ISA_SYMBOL(sorted_scan_table){mark, list, scan};

}  // namespace curvature::kernel
