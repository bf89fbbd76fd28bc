// Histograms of several trees at once, from lists of the rows of each cell.
//
// The pairs of four or eight trees lie side by side, row by row: the trees of a cell are added up in registers while
// its rows are read, and stored once. No cell waits for the row before, however skewed the column.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/instruction_set.hpp"
#include "kernel/histogram.hpp"

namespace curvature::kernel {

inline constexpr std::size_t kMostTrees = 8;  // side by side: one cache line
inline constexpr std::size_t kFewTrees = 4;

/// A cell, and how many rows are listed for it.
struct CellRun {
  std::uint32_t cell = 0;
  std::uint32_t n_rows = 0;
};

struct AddRunsTask {
  std::size_t n_trees = kMostTrees;  // kFewTrees or kMostTrees
  const CellRun* runs = nullptr;     // of different cells
  std::size_t n_runs = 0;
  const std::uint16_t* rows = nullptr;  // of one run after the other
  const Cell* pairs = nullptr;          // of all rows, n_trees each
  std::size_t n_rows = 0;
  Cell* cells = nullptr;   // n_trees each
  Cell* totals = nullptr;  // n_trees
};

struct CellRunsTable {
  /// Adds the pairs of each run's rows to its cell, and the pairs of all rows to the totals. Half a load a pair with
  /// registers of four: bound by loads from the second-level cache, where a tile's pairs lie.
  void (*add)(const AddRunsTask& task);
};

extern const CellRunsTable cell_runs_table_baseline;
extern const CellRunsTable cell_runs_table_v3;
extern const CellRunsTable cell_runs_table_v4;
[[nodiscard]] const CellRunsTable& cell_runs_table(InstructionSet set = instruction_set());

}  // namespace curvature::kernel
