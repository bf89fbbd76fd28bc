#include "kernel/cell_runs.hpp"

#include <type_traits>

#include "base/isa_symbol.hpp"
#include "math/simd.hpp"

namespace curvature::kernel {
namespace {

using FourCells = Cell __attribute__((vector_size(kFewTrees * sizeof(Cell))));

// The cells of the trees of one row.
template <std::size_t Trees>
struct Row {
  using Part = std::conditional_t<(Trees < kLanes), FourCells, Words>;
  static constexpr std::size_t kWidth = sizeof(Part) / sizeof(Cell);
  static constexpr std::size_t kParts = Trees / kWidth;
  Part parts[kParts];

  static Row at(const Cell* from) {
    Row row;
    for (std::size_t i = 0; i < kParts; ++i) row.parts[i] = load<Part>(from + i * kWidth);
    return row;
  }
  void store_at(Cell* to) const {
    for (std::size_t i = 0; i < kParts; ++i) store(to + i * kWidth, parts[i]);
  }
  void operator+=(const Row& other) {
    for (std::size_t i = 0; i < kParts; ++i) parts[i] += other.parts[i];
  }
};

template <std::size_t Trees>
void add_trees(const AddRunsTask& task) {
  const std::uint16_t* rows = task.rows;
  for (const CellRun* run = task.runs; run < task.runs + task.n_runs; ++run) {
    Cell* const cell = task.cells + run->cell * Trees;
    auto sum = Row<Trees>::at(cell);
    for (const std::uint16_t* const end = rows + run->n_rows; rows < end; ++rows) {
      sum += Row<Trees>::at(task.pairs + *rows * Trees);
    }
    sum.store_at(cell);
  }
  auto total = Row<Trees>::at(task.totals);
  for (std::size_t row = 0; row < task.n_rows; ++row) total += Row<Trees>::at(task.pairs + row * Trees);
  total.store_at(task.totals);
}

void add(const AddRunsTask& task) {
  if (task.n_trees == kMostTrees) {
    add_trees<kMostTrees>(task);
  } else {
    add_trees<kFewTrees>(task);
  }
}

}  // namespace

extern const CellRunsTable CURVATURE_ISA_SYMBOL(cell_runs_table){add};

}  // namespace curvature::kernel
