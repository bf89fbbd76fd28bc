#include "kernel/histogram.hpp"

#include "base/isa_symbol.hpp"
#include "math/simd.hpp"

namespace curvature::kernel {
namespace {

constexpr std::size_t kPrefetchRows = 24;  // measured best of 6, 12, 24, 40

// Adds `pair` for slots Lane..Slots-1 of a word whose eight codes are the bytes of `codes`. A code is brought straight
// to the byte offset of its line (times 64), one shift and one mask a cell.
template <int Slots, int Lane = 0>
inline __attribute__((always_inline)) void add_word(unsigned char* word, std::uint64_t codes, Cell pair) {
  if constexpr (Lane < Slots) {
    constexpr std::uint64_t kLineMask = 0xffu << 6;
    const std::uint64_t line = Lane == 0 ? codes << 6 : codes >> (Lane == 0 ? 0 : 8 * Lane - 6);
    Cell* cell = reinterpret_cast<Cell*>(word + (line & kLineMask) + sizeof(Cell) * Lane);
    *cell += pair;
    add_word<Slots, Lane + 1>(word, codes, pair);
  }
}

// The last word has LastSlots slots; a compile-time number, so that unused lanes cost nothing.
template <int LastSlots>
void accumulate_narrow(const AccumulateTask& task) {
  const auto* codes = static_cast<const unsigned char*>(task.codes);
  const std::size_t full_words = task.n_words - 1;
  const auto add_row = [&](std::size_t i) __attribute__((always_inline)) {
    const RowIndex row = task.rows[i];
    const unsigned char* row_codes = codes + row * task.row_stride;
    const Cell pair = task.pairs[row];
    for (std::size_t w = 0; w < full_words; ++w) {
      add_word<kWordSlots>(reinterpret_cast<unsigned char*>(task.histogram + task.words[w].offset),
                           load<std::uint64_t>(row_codes + w * kWordSlots), pair);
    }
    add_word<LastSlots>(reinterpret_cast<unsigned char*>(task.histogram + task.words[full_words].offset),
                        load<std::uint64_t>(row_codes + full_words * kWordSlots), pair);
  };
  std::size_t i = 0;
  for (; i + kPrefetchRows < task.n_rows; ++i) {
    const RowIndex ahead = task.rows[i + kPrefetchRows];
    __builtin_prefetch(codes + ahead * task.row_stride);
    __builtin_prefetch(codes + ahead * task.row_stride + task.n_words * kWordSlots - 1);
    __builtin_prefetch(task.pairs + ahead);
    add_row(i);
  }
  for (; i < task.n_rows; ++i) add_row(i);
}

void accumulate_wide(const AccumulateTask& task) {
  const auto* codes = static_cast<const std::uint16_t*>(task.codes);
  for (std::size_t i = 0; i < task.n_rows; ++i) {
    const RowIndex row = task.rows[i];
    const std::uint16_t* code = codes + row * task.row_stride;
    const Cell pair = task.pairs[row];
    for (std::size_t w = 0; w < task.n_words; ++w) {
      Cell* cells = task.histogram + task.words[w].offset;
      for (std::int32_t lane = 0; lane < task.words[w].slots; ++lane) {
        cells[static_cast<std::size_t>(*code++) * kWordSlots + static_cast<std::size_t>(lane)] += pair;
      }
    }
  }
}

void accumulate(const AccumulateTask& task) {
  if (task.n_words == 0) return;
  if (task.words[0].wide) return accumulate_wide(task);
  switch (task.words[task.n_words - 1].slots) {
    case 1:
      return accumulate_narrow<1>(task);
    case 2:
      return accumulate_narrow<2>(task);
    case 3:
      return accumulate_narrow<3>(task);
    case 4:
      return accumulate_narrow<4>(task);
    case 5:
      return accumulate_narrow<5>(task);
    case 6:
      return accumulate_narrow<6>(task);
    case 7:
      return accumulate_narrow<7>(task);
    default:
      return accumulate_narrow<8>(task);
  }
}

void subtract(Cell* larger, const Cell* smaller, std::size_t n_cells) {
  for (std::size_t i = 0; i < n_cells; ++i) larger[i] -= smaller[i];
}

Cell accumulate_sparse(const AccumulateSparseTask& task) {
  constexpr std::size_t kBeginsAhead = 16, kCellsAhead = 8;  // rows
  Cell total = 0;
  for (std::size_t i = 0; i < task.n_rows; ++i) {
    if (i + kBeginsAhead < task.n_rows) {
      const RowIndex ahead = task.rows[i + kBeginsAhead];
      __builtin_prefetch(task.row_begin + ahead);
      __builtin_prefetch(task.row_end + ahead);
      __builtin_prefetch(task.pairs + ahead);
      __builtin_prefetch(task.cells + task.row_begin[task.rows[i + kCellsAhead]]);
    }
    const RowIndex row = task.rows[i];
    const Cell pair = task.pairs[row];
    const std::uint64_t weight = task.row_weights ? task.row_weights[row] : 1;
    const std::uint32_t* end = task.cells + task.row_end[row];
    for (const std::uint32_t* cell = task.cells + task.row_begin[row]; cell < end; ++cell) {
      task.histogram[*cell] += pair;
      task.slot_weights[task.line_slots[*cell / kWordSlots] + *cell % kWordSlots] += weight;
    }
    total += pair;
  }
  return total;
}

void complete(Cell* word, std::int32_t lines, const std::uint16_t* default_codes, Cell total) {
  Cell sums[kWordSlots] = {};
  for (std::int32_t line = 0; line < lines; ++line) {
    const Cell* cells = word + static_cast<std::ptrdiff_t>(line) * kWordSlots;
    for (int lane = 0; lane < kWordSlots; ++lane) sums[lane] += cells[lane];
  }
  for (int lane = 0; lane < kWordSlots; ++lane) {
    Cell& usual = word[default_codes[lane] * kWordSlots + lane];
    usual += total - sums[lane];
  }
}

}  // namespace

extern const HistogramTable CURVATURE_ISA_SYMBOL(histogram_table){accumulate, subtract, accumulate_sparse, complete};

}  // namespace curvature::kernel
