#include "kernel/histogram.hpp"

#include <algorithm>

#include "base/isa_symbol.hpp"
#include "math/simd.hpp"

namespace curvature::kernel {
namespace {

// The cells of two words fill the first-level cache: rows are taken in tiles, whose codes wait in the second while the
// words pass over them, two at a time.
constexpr std::size_t kTileRows = 512;  // measured best of 64, 128, ..., 1024
constexpr std::size_t kPrefetchRows = 16;

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

// One or two words on their way over a tile.
struct WordPass {
  const unsigned char* codes;  // of the first word, row 0
  std::size_t row_stride;
  const Cell* pairs;
  unsigned char* first;   // its cells
  unsigned char* second;  // of the other word, where there are two
};

// The last word has LastSlots slots; a compile-time number, so that unused lanes cost nothing.
template <int Words, int LastSlots>
inline __attribute__((always_inline)) void add_row(const WordPass& pass, RowIndex row) {
  const unsigned char* codes = pass.codes + row * pass.row_stride;
  const Cell pair = pass.pairs[row];
  if constexpr (Words == 2) {
    add_word<kWordSlots>(pass.first, load<std::uint64_t>(codes), pair);
    add_word<LastSlots>(pass.second, load<std::uint64_t>(codes + kWordSlots), pair);
  } else {
    add_word<LastSlots>(pass.first, load<std::uint64_t>(codes), pair);
  }
}

// `n_fetched` rows from rows[kPrefetchRows] on, `fetched_codes` bytes of each, are asked for ahead of their turn.
template <int Words, int LastSlots>
void add_tile(const WordPass& pass, const RowIndex* rows, std::size_t n_rows, std::size_t n_fetched,
              std::size_t fetched_codes) {
  const WordPass own = pass;  // stores to cells cannot change it
  std::size_t i = 0;
  for (; i < n_fetched; ++i) {
    const RowIndex ahead = rows[i + kPrefetchRows];
    const unsigned char* codes = own.codes + ahead * own.row_stride;
    __builtin_prefetch(codes);
    __builtin_prefetch(codes + fetched_codes - 1);
    __builtin_prefetch(own.pairs + ahead);
    add_row<Words, LastSlots>(own, rows[i]);
  }
  for (; i < n_rows; ++i) add_row<Words, LastSlots>(own, rows[i]);
}

using AddTile = void (*)(const WordPass& pass, const RowIndex* rows, std::size_t n_rows, std::size_t n_fetched,
                         std::size_t fetched_codes);
template <int Words>
constexpr AddTile kAddTile[kWordSlots + 1] = {nullptr,
                                              add_tile<Words, 1>,
                                              add_tile<Words, 2>,
                                              add_tile<Words, 3>,
                                              add_tile<Words, 4>,
                                              add_tile<Words, 5>,
                                              add_tile<Words, 6>,
                                              add_tile<Words, 7>,
                                              add_tile<Words, 8>};

void accumulate_narrow(const AccumulateTask& task) {
  const auto* codes = static_cast<const unsigned char*>(task.codes);
  const auto cells = [&](std::size_t word) {
    return reinterpret_cast<unsigned char*>(task.histogram + task.words[word].offset);
  };
  for (std::size_t begin = 0; begin < task.n_rows; begin += kTileRows) {
    const std::size_t rows_left = task.n_rows - begin;
    const std::size_t n_rows = std::min(kTileRows, rows_left);
    // The first words of a tile fetch its rows, and the first rows of the next tile.
    std::size_t n_fetched = std::min(n_rows, rows_left - std::min(rows_left, kPrefetchRows));
    for (std::size_t word = 0; word < task.n_words; word += 2) {
      const bool two = word + 1 < task.n_words;
      const std::size_t last = two ? word + 1 : word;
      const WordPass pass{codes + word * kWordSlots, task.row_stride, task.pairs, cells(word), cells(last)};
      const AddTile add = (two ? kAddTile<2> : kAddTile<1>)[task.words[last].slots];
      add(pass, task.rows + begin, n_rows, n_fetched, task.n_words * kWordSlots);
      n_fetched = 0;
    }
  }
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
  accumulate_narrow(task);
}

void subtract(Cell* larger, const Cell* smaller, std::size_t n_cells) {
  for (std::size_t i = 0; i < n_cells; ++i) larger[i] -= smaller[i];
}

template <bool Counted>
Cell add_sparse_rows(const AccumulateSparseTask& task) {
  constexpr std::size_t kBeginsAhead = 16, kCellsAhead = 8;  // rows
  const Cell sign = task.taken_out ? ~Cell{0} : 1;           // times which, modulo 2^64
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
    const Cell pair = sign * task.pairs[row];
    const std::uint64_t weight = sign * (task.row_weights ? task.row_weights[row] : 1);
    const std::uint32_t* end = task.cells + task.row_end[row];
    for (const std::uint32_t* cell = task.cells + task.row_begin[row]; cell < end; ++cell) {
      task.histogram[*cell] += pair;
      if constexpr (Counted) {
        task.counts[*cell] = static_cast<RowCount>(task.counts[*cell] + sign);
      } else {
        task.slot_weights[task.line_slots[*cell / kWordSlots] + *cell % kWordSlots] += weight;
      }
    }
    total += pair;
  }
  return total;
}

Cell accumulate_sparse(const AccumulateSparseTask& given) {
  const AccumulateSparseTask task = given;  // stores to cells cannot change it
  return task.counts ? add_sparse_rows<true>(task) : add_sparse_rows<false>(task);
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
