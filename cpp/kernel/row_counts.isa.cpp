#include "kernel/row_counts.hpp"

#include <cstring>

#include "base/isa_symbol.hpp"
#include "math/simd.hpp"

namespace curvature::kernel {
namespace {

using Line = std::int16_t __attribute__((vector_size(kWordSlots * sizeof(RowCount))));

// Counts slots Lane..Slots-1 of a word whose eight codes are the bytes of `codes`: see `add_word` of histograms.
template <int Slots, int Lane = 0>
inline __attribute__((always_inline)) void count_word(unsigned char* counts, std::uint64_t codes) {
  if constexpr (Lane < Slots) {
    constexpr std::uint64_t kLineMask = 0xffu << 4;
    const std::uint64_t line = Lane == 0 ? codes << 4 : codes >> (Lane == 0 ? 0 : 8 * Lane - 4);
    ++*reinterpret_cast<RowCount*>(counts + (line & kLineMask) + sizeof(RowCount) * Lane);
    count_word<Slots, Lane + 1>(counts, codes);
  }
}

template <int Slots>
void count_rows(const AccumulateTask& task, std::size_t word, RowCount* counts) {
  const auto* const codes = static_cast<const unsigned char*>(task.codes) + word * kWordSlots;
  auto* const bytes = reinterpret_cast<unsigned char*>(counts);
  const RowIndex* const rows = task.rows;
  const std::size_t n_rows = task.n_rows, stride = task.row_stride;
  for (std::size_t i = 0; i < n_rows; ++i) count_word<Slots>(bytes, load<std::uint64_t>(codes + rows[i] * stride));
}

using CountRows = void (*)(const AccumulateTask& task, std::size_t word, RowCount* counts);
constexpr CountRows kCountRows[kWordSlots + 1] = {nullptr,       count_rows<1>, count_rows<2>,
                                                  count_rows<3>, count_rows<4>, count_rows<5>,
                                                  count_rows<6>, count_rows<7>, count_rows<8>};

void count(const AccumulateTask& task, RowCount* counts) {
  for (std::size_t w = 0; w < task.n_words; ++w) {
    const Word& word = task.words[w];
    RowCount* const own = counts + word.offset;
    std::memset(own, 0, static_cast<std::size_t>(word.lines) * sizeof(Line));
    kCountRows[word.slots](task, w, own);
  }
}

void subtract(RowCount* larger, const RowCount* smaller, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) larger[i] = static_cast<RowCount>(larger[i] - smaller[i]);
}

// In how many lines the left child is too small, and in how many the right one.
struct TooSmall {
  Line left{}, right{};

  void add(const Line& sum, const Line& least, const Line& most) {
    left -= least > sum;  // a comparison is -1 where it holds
    right -= sum > most;
  }
  void write(int side, std::int32_t lines, CutRanges& ranges) const {
    for (int slot = 0; slot < kWordSlots; ++slot) {
      ranges.first[side][slot] = 1 + left[slot];
      ranges.last[side][slot] = lines - 1 - right[slot];
    }
  }
};

template <bool Missing>
void ranges_of(const CutRangesTask& task, CutRanges& ranges) {
  const Line least = Line{} + static_cast<std::int16_t>(task.least);
  const Line most = Line{} + static_cast<std::int16_t>(task.n_rows - task.least);
  const auto missing = load<Line>(task.counts);
  Line sum{};
  TooSmall sides[2];
  for (std::int32_t bin = 1; bin < task.lines; ++bin) {
    sum += load<Line>(task.counts + static_cast<std::ptrdiff_t>(bin) * kWordSlots);
    sides[0].add(sum, least, most);
    if constexpr (Missing) sides[1].add(sum + missing, least, most);
  }
  for (int side = 0; side < 2; ++side) sides[Missing ? side : 0].write(side, task.lines, ranges);
  for (int slot = 0; Missing && slot < kWordSlots; ++slot) {
    if (missing[slot] == 0 || task.cells[slot] != 0) continue;
    for (int side = 0; side < 2; ++side) {
      ranges.first[side][slot] = 1;
      ranges.last[side][slot] = task.lines - 1;
    }
  }
}

void ranges(const CutRangesTask& task, CutRanges& ranges) {
  std::uint64_t missing[2];
  std::memcpy(missing, task.counts, sizeof(missing));
  (missing[0] | missing[1]) != 0 ? ranges_of<true>(task, ranges) : ranges_of<false>(task, ranges);
}

}  // namespace

extern const RowCountTable CURVATURE_ISA_SYMBOL(row_count_table){count, subtract, ranges};

}  // namespace curvature::kernel
