#include "kernel/sparse_bounds.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/isa_symbol.hpp"
#include "kernel/cut_bounds.hpp"
#include "math/simd.hpp"

namespace curvature::kernel {
namespace {

using CountLine = std::int16_t __attribute__((vector_size(kWordSlots * sizeof(RowCount))));

inline bool any(const CountLine& mask) {
  std::uint64_t halves[2];
  std::memcpy(halves, &mask, sizeof(halves));
  return (halves[0] | halves[1]) != 0;
}

inline CountLine line_of(const RowCount* counts, std::int32_t line) {
  return load<CountLine>(counts + static_cast<std::ptrdiff_t>(line) * kWordSlots);
}

// Most often they are; then a line is stored as a whole, which can be read at once.
inline bool all_same(const std::uint16_t* default_codes) {
  const auto codes = load<CountLine>(default_codes);
  return !any(codes != static_cast<std::int16_t>(default_codes[0]));
}

void complete_counts(RowCount* counts, std::int32_t lines, const std::uint16_t* default_codes, std::size_t n_rows) {
  CountLine rest = CountLine{} + static_cast<std::int16_t>(n_rows);
  for (std::int32_t line = 0; line < lines; ++line) rest -= line_of(counts, line);
  if (all_same(default_codes)) {
    RowCount* const usual = counts + default_codes[0] * kWordSlots;
    return store(usual, load<CountLine>(usual) + rest);
  }
  for (int slot = 0; slot < kWordSlots; ++slot) {
    RowCount& usual = counts[default_codes[slot] * kWordSlots + slot];
    usual = static_cast<RowCount>(usual + rest[slot]);
  }
}

void complete_cells(Cell* cells, std::int32_t lines, const std::uint16_t* default_codes, Cell sum) {
  constexpr int kParts = kWordSlots / kLanes;
  Words rest[kParts];
  std::fill_n(rest, kParts, splat(sum));
  for (std::int32_t line = 0; line < lines; ++line) {
    const Cell* const from = cells + static_cast<std::ptrdiff_t>(line) * kWordSlots;
    for (int part = 0; part < kParts; ++part) rest[part] -= load<Words>(from + part * kLanes);
  }
  if (all_same(default_codes)) {
    Cell* const usual = cells + default_codes[0] * kWordSlots;
    for (int part = 0; part < kParts; ++part) {
      store(usual + part * kLanes, load<Words>(usual + part * kLanes) + rest[part]);
    }
    return;
  }
  for (int slot = 0; slot < kWordSlots; ++slot) {
    cells[default_codes[slot] * kWordSlots + slot] += rest[slot / kLanes][slot % kLanes];
  }
}

inline void add(const Cell* from, Cells& sum) {
  Cells cells;
  read(from, cells);
  sum += cells;
}

// Lines with a cut that leaves both sides enough rows; none: first >= end.
struct CutLines {
  std::int32_t first = 0, end = 0;

  void add(std::int32_t line) {
    if (end == 0) first = line;
    end = line + 1;
  }
};

// What a node's words share.
struct Limits {
  explicit Limits(const SparseBoundsTask& task, const SparseNode& node)
      : least(CountLine{} + static_cast<std::int16_t>(task.least)),
        most(CountLine{} + static_cast<std::int16_t>(node.n_rows - task.least)) {}
  CountLine least, most;  // rows on the left

  [[nodiscard]] CountLine allow(const CountLine& left) const { return (left >= least) & (left <= most); }
};

// One of the nodes on its way over the words.
struct Bounding {
  const SparseNode& node;
  Limits limits;
  Shared shared;
  CutBounds cuts;
  bool rated;  // whether single precision tells anything

  Bounding(const SparseBoundsTask& task, const SparseNode& own)
      : node(own),
        limits(task, own),
        shared(shared_of(own.scored)),
        cuts(own.scored),
        rated(own.scored.alpha <= 0 && own.scored.lambda < kMostLambda) {}

  [[nodiscard]] CutLines cut_lines(const Word& word) const {
    const RowCount* const counts = node.counts + word.offset;
    const CountLine missing = line_of(counts, 0);
    const bool two_sides = any(missing);
    CountLine left{};
    CutLines lines;
    for (std::int32_t line = 1; line < word.lines; ++line) {
      left += line_of(counts, line);
      CountLine allowed = limits.allow(left);
      if (two_sides) allowed |= limits.allow(left + missing);
      if (any(allowed)) lines.add(line);
    }
    return lines;
  }

  // Missing values that add up to nothing may be told to either side.
  template <bool Missing>
  void rate(const Word& word, const CutLines& lines, Floats& highest) const {
    const RowCount* const counts = node.counts + word.offset;
    const Cell* const cells = node.cells + word.offset;
    Cells low{}, high{};
    add(cells, low);
    add(cells + 4, high);
    const Sums missing(low, high);
    const CountLine missing_rows = line_of(counts, 0);
    low = high = Cells{};
    CountLine rows{};
    const auto offer = [&](const Sums& left, const CountLine& allowed) {
      const CountLine in_order = __builtin_shufflevector(allowed, allowed, 0, 1, 4, 5, 2, 3, 6, 7);
      Floats score;
      cuts.score(left, __builtin_convertvector(in_order, Halves), score, highest);
    };
    for (std::int32_t line = 1; line < lines.end; ++line) {
      const Cell* const from = cells + static_cast<std::ptrdiff_t>(line) * kWordSlots;
      add(from, low);
      add(from + 4, high);
      rows += line_of(counts, line);
      if (line < lines.first) continue;
      Sums left(low, high);
      offer(left, limits.allow(rows));
      if constexpr (Missing) {
        left.gradient += missing.gradient;
        left.hessian += missing.hessian;
        offer(left, limits.allow(rows + missing_rows));
      }
    }
  }

  [[nodiscard]] double bound(const Word& word, CutLines lines) const {
    if (lines.first >= lines.end) return kDeadWord;
    if (!rated) return std::numeric_limits<double>::infinity();
    Floats quotients = Floats{} - 1.0f;
    bool some_missing = false, untold = false;  // untold: missing values that add up to nothing
    for (int slot = 0; word.has_missing && slot < kWordSlots; ++slot) {
      const bool has_cell = node.cells[word.offset + static_cast<std::size_t>(slot)] != 0;
      some_missing |= has_cell;
      untold |= !has_cell && node.counts[word.offset + static_cast<std::size_t>(slot)] != 0;
    }
    if (untold) return std::numeric_limits<double>::infinity();
    some_missing ? rate<true>(word, lines, quotients) : rate<false>(word, lines, quotients);
    float highest = -1;
    for (int at = 0; at < kWordSlots; ++at) highest = std::max(highest, quotients[at]);
    if (highest < 0) return -1;
    constexpr double kRoundUp = 1 + 4 * kQuotientError;
    constexpr double kLeast = 0x1p-100;  // below, floats lose digits
    const double quotient = static_cast<double>(highest) * kRoundUp + kLeast;
    return (quotient * shared.a_and_b + shared.gradient * shared.per_unit) * (1 + 0x1p-40);
  }
};

void subtract_word(const Word& word, const SparseNode& larger, const SparseNode& smaller) {
  Cell* const cells = larger.cells + word.offset;
  const Cell* const less = smaller.cells + word.offset;
  const std::ptrdiff_t n = static_cast<std::ptrdiff_t>(word.lines) * kWordSlots;
  for (std::ptrdiff_t i = 0; i < n; ++i) cells[i] -= less[i];
}

void subtract_counts(const Word& word, const SparseNode& larger, const SparseNode& smaller) {
  for (std::int32_t line = 0; line < word.lines; ++line) {
    RowCount* const counts = larger.counts + word.offset + static_cast<std::ptrdiff_t>(line) * kWordSlots;
    store(counts, load<CountLine>(counts) - line_of(smaller.counts + word.offset, line));
  }
}

void bound(const SparseBoundsTask& task) {
  const bool pair = task.sister.cells;
  const Bounding own(task, task.node);
  const Bounding sister(task, task.sister);
  for (std::size_t i = 0; i < task.n_listed; ++i) {
    const std::uint32_t index = task.listed[i];
    const Word& word = task.words[index];
    const std::uint16_t* const default_codes = task.default_codes + std::size_t{index} * kWordSlots;
    complete_counts(task.node.counts + word.offset, word.lines, default_codes, task.node.n_rows);
    CutLines lines[2];
    if (task.node.bounds) lines[0] = own.cut_lines(word);
    if (pair) {
      subtract_counts(word, task.sister, task.node);
      lines[1] = sister.cut_lines(word);
    }
    if (lines[0].end > 0 || lines[1].end > 0) {
      complete_cells(task.node.cells + word.offset, word.lines, default_codes, task.node.sum);
      if (lines[1].end > 0) subtract_word(word, task.sister, task.node);
    }
    if (task.node.bounds) task.node.bounds[index] = own.bound(word, lines[0]);
    if (pair) task.sister.bounds[index] = sister.bound(word, lines[1]);
  }
}

}  // namespace

extern const SparseBoundsTable CURVATURE_ISA_SYMBOL(sparse_bounds_table){bound};

}  // namespace curvature::kernel
