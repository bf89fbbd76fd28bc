// The first look at sparse nodes: which words may hold a split at all, and how good it can be at best.
//
// A node looks at hundreds of words of a few lines each, and takes one split: an upper bound of what a word has to
// offer spares the exact search in nearly all of them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/histogram.hpp"
#include "kernel/split_scan.hpp"

namespace curvature::kernel {

inline constexpr double kDeadWord = -2;  // as a bound: no cut leaves both sides enough rows, here or in any node below

/// A node whose rows are counted, at most kMostCounted of them.
struct SparseNode {
  Cell* cells = nullptr;  // of its histogram
  RowCount* counts = nullptr;
  double* bounds = nullptr;  // of each word; null: the node will not be split
  Cell sum = 0;
  std::size_t n_rows = 0;
  ScoredNode scored;  // the same sum
};

struct SparseBoundsTask {
  const Word* words = nullptr;  // of at most kMostCountedLines each
  const std::uint32_t* listed = nullptr;
  std::size_t n_listed = 0;
  const std::uint16_t* default_codes = nullptr;  // of all words
  SparseNode node;                               // cells and counts of its kept codes alone are known
  SparseNode sister;                             // the larger one, whose histogram is the parent's; or none
  std::size_t least = 1;                         // rows of a child
};

struct SparseBoundsTable {
  /// Of the listed words: completes the node's cells and counts by those of the default codes, brings the sister's from
  /// the parent's to its own, and tells the bounds: no split of the word's slots has a higher score than its bound; -1
  /// where none is allowed. The cells of words that are dead for both nodes are left as they are.
  void (*bound)(const SparseBoundsTask& task);
};

extern const SparseBoundsTable sparse_bounds_table_baseline;
extern const SparseBoundsTable sparse_bounds_table_v3;
extern const SparseBoundsTable sparse_bounds_table_v4;
[[nodiscard]] const SparseBoundsTable& sparse_bounds_table(InstructionSet set = instruction_set());

}  // namespace curvature::kernel
