// Rows counted code by code, so that cuts which leave a child too few rows are known before any cut is scored.
//
// Counts lie as the cells of a histogram do, eight slots of a bin side by side: 16 bytes a line.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/histogram.hpp"

namespace curvature {

namespace kernel {

inline constexpr std::size_t kMostCounted = 32767;        // rows, so that counts compare as signed numbers
inline constexpr std::int32_t kMostCountedLines = 16383;  // of a word: they are counted from both ends

/// Of each slot of a word the bins that may be the last of the left child, for missing values to the right [0] and
/// left [1].
struct CutRanges {
  std::int32_t first[2][kWordSlots];
  std::int32_t last[2][kWordSlots];
};

/// A node's share of a word. At most kMostCounted rows, at least two times `least`.
struct CutRangesTask {
  const RowCount* counts = nullptr;  // the first line of the word
  const Cell* cells = nullptr;       // likewise
  std::int32_t lines = 0;
  std::size_t n_rows = 0;
  std::size_t least = 0;  // rows of a child
};

struct RowCountTable {
  /// counts := those of the listed rows, where the task's histogram has cells. Narrow words; pairs are not looked at.
  /// One load and one read-modify-write a (row, slot).
  void (*count)(const AccumulateTask& task, RowCount* counts);
  /// larger[i] -= smaller[i].
  void (*subtract)(RowCount* larger, const RowCount* smaller, std::size_t n);
  /// Cuts that leave both children enough rows. A slot whose missing values add up to nothing may cut anywhere: their
  /// side is chosen after the cut. 16 bytes a line.
  void (*ranges)(const CutRangesTask& task, CutRanges& ranges);
};

extern const RowCountTable row_count_table_baseline;
extern const RowCountTable row_count_table_v3;
extern const RowCountTable row_count_table_v4;
[[nodiscard]] const RowCountTable& row_count_table(InstructionSet set = instruction_set());

}  // namespace kernel
}  // namespace curvature
