// Histograms of packed integer gradients: what a cell is, where it lies, and the two loops that fill it.
//
// A cell is one 64-bit integer, the sum of quantized gradients in its high half and of quantized Hessians in its low
// half, so that one addition updates both. Sums of integers do not depend on order.
//
// Slots (columns in the order of the binned matrix) are taken eight at a time: a *word*. Bin b of the eight slots of a
// word is one *line* of eight cells, 64 bytes, so that scanning a word is vertical: one slot a lane.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/instruction_set.hpp"

namespace curvature {

using Cell = std::uint64_t;
using RowIndex = std::uint32_t;
using RowCount = std::uint16_t;

/// The two halves of a cell: the sum of gradients (signed) and of Hessians, in quantized units.
[[nodiscard]] constexpr std::int64_t gradient_sum(Cell cell) { return static_cast<std::int64_t>(cell) >> 32; }
[[nodiscard]] constexpr std::int64_t hessian_sum(Cell cell) { return static_cast<std::int64_t>(cell & 0xffffffffu); }
[[nodiscard]] constexpr Cell pack(std::int64_t gradient, std::int64_t hessian) {
  return (static_cast<Cell>(gradient) << 32) + static_cast<Cell>(hessian);
}

inline constexpr int kWordSlots = 8;

/// Eight slots of one histogram: `lines` bins from cell `offset` on.
struct Word {
  std::size_t offset = 0;
  std::int32_t lines = 0;
  std::int32_t slots = 0;    // slots in use, 1..8
  bool wide = false;         // codes of two bytes
  bool has_missing = false;  // some slot has missing values in the training rows
};

/// Where the words of a histogram lie. Made once with the binned matrix.
struct HistogramLayout {
  std::vector<Word> words;
  std::size_t cells = 0;

  /// Appends a word and pads, so that words do not start at equal addresses modulo 4 KiB: stores to "bin 0" of every
  /// word would otherwise wait for each other (measured: up to eight times slower on skewed columns). Sparse rows skip
  /// from word to word as it is: `padded` = false.
  void append(Word word, bool padded = true);

  /// The first `n_words` of them alone.
  [[nodiscard]] HistogramLayout first(std::size_t n_words) const;
};

[[nodiscard]] inline std::size_t cell_index(const Word& word, int lane, std::int32_t bin) {
  return word.offset + static_cast<std::size_t>(bin) * kWordSlots + static_cast<std::size_t>(lane);
}

namespace kernel {

/// Rows whose codes are added up: `rows[0..n_rows)` into a row-major matrix of codes.
struct AccumulateTask {
  const void* codes = nullptr;  // first code of the first word, row 0; u8, or u16 where the words are wide
  std::size_t row_stride = 0;   // codes between two rows
  const RowIndex* rows = nullptr;
  std::size_t n_rows = 0;
  const Cell* pairs = nullptr;  // packed (gradient, Hessian) of every row of the matrix
  const Word* words = nullptr;  // consecutive words of one width
  std::size_t n_words = 0;
  Cell* histogram = nullptr;
};

/// Rows whose sparse cells are added up.
struct AccumulateSparseTask {
  const std::uint32_t* cells = nullptr;    // the index in the histogram of each cell that is kept, row by row
  const std::size_t* row_begin = nullptr;  // of every row of the matrix, in `cells`
  const std::size_t* row_end = nullptr;
  const RowIndex* rows = nullptr;
  std::size_t n_rows = 0;
  bool taken_out = false;  // the rows are subtracted
  const Cell* pairs = nullptr;
  Cell* histogram = nullptr;
  RowCount* counts = nullptr;                  // of each cell's rows; null: rows are weighed instead
  const std::uint64_t* row_weights = nullptr;  // of every row, in steps; null: all 1
  const std::uint32_t* line_slots = nullptr;   // the first slot of each line of the histogram
  std::uint64_t* slot_weights = nullptr;
};

struct HistogramTable {
  /// Adds each listed row's pair to the cell of its bin, slot by slot. Does not clear the cells before.
  /// One load and one read-modify-write a (row, slot): bound by one store a cycle.
  void (*accumulate)(const AccumulateTask& task);
  /// larger[i] -= smaller[i]: the sibling's histogram from the parent's. 24 bytes moved a cell.
  void (*subtract)(Cell* larger, const Cell* smaller, std::size_t n_cells);
  /// Adds each listed row's pair to the cells that are kept of it, and the row to their counts, or its weight to their
  /// slots; returns the sum of the pairs. A load, or two, and two read-modify-writes a kept cell.
  Cell (*accumulate_sparse)(const AccumulateSparseTask& task);
  /// Makes the eight slots of a word add up to `total`, each by the cell of its default code, whatever stood there.
  void (*complete)(Cell* word, std::int32_t lines, const std::uint16_t* default_codes, Cell total);
};

extern const HistogramTable histogram_table_baseline;
extern const HistogramTable histogram_table_v3;
extern const HistogramTable histogram_table_v4;
[[nodiscard]] const HistogramTable& histogram_table(InstructionSet set = instruction_set());

}  // namespace kernel
}  // namespace curvature
