// Trees evaluated on a tile of rows at once, one bit a row and node: comparisons, paths and leaves are Boolean algebra.
//
// A *line* holds one bit for every row of a tile. A split is a line of the rows that it sends right; where a node's
// rows are a line, those of its children are `node & ~split` and `node & split`. Leaves are numbered so that every turn
// to the child visited second flips a few bits of the leaf's number: bit k of all rows' leaf numbers (a *plane*) is the
// exclusive or of the children whose turn flips it. No gather, no branch, and the same bits on every instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/instruction_set.hpp"

namespace curvature::kernel {

/// Lines made from two others, or from several.
struct LinePair {
  std::uint32_t to, a, b;
};
struct LineUnion {
  std::uint32_t to;
  std::uint32_t begin, end;  // of the members
  bool complement;
};
struct DerivedLines {
  const LinePair* or_not = nullptr;  // to = a | ~b
  std::size_t n_or_not = 0;
  const LinePair* and_not = nullptr;  // to = a & ~b; the next ones
  std::size_t n_and_not = 0;
  const LineUnion* unions = nullptr;  // to = the union of its members, or all others; the last ones
  std::size_t n_unions = 0;
  const std::uint32_t* members = nullptr;
};

/// A split on its way down: the line of its node among the reached ones, and the line of the rows that it sends right.
/// All steps pass through the caches once a tile, so numbers of two bytes are better where there are that few lines.
template <class Number>
struct SplitStep {
  Number node, split;
};
using NearStep = SplitStep<std::uint16_t>;
using FarStep = SplitStep<std::uint32_t>;
/// Four more reached lines in the running exclusive or, and the plane that it has come to.
struct PlaneTerms {
  std::uint16_t plane;
  std::uint16_t reached[4];
};
struct SlicedTree {
  std::size_t first_value = 0;  // of 2^n_planes, by leaf number
  int n_planes = 0;             // 1..16
};

/// Trees of one output, evaluated together. Reached line 0 is empty, 1 all rows; split i writes 2 + 2i (left) and
/// 3 + 2i, then each twig, a split between two leaves, the rows of its right leaf. Plane p is the exclusive or of all
/// terms up to the last of p and of all up to the last of p - 1.
struct SlicedGroup {
  const NearStep* near_steps = nullptr;  // the splits, then the twigs; null where they are far ones
  const FarStep* far_steps = nullptr;
  std::size_t n_splits = 0;
  std::size_t n_twigs = 0;
  const PlaneTerms* terms = nullptr;
  std::size_t n_terms = 0;
  const SlicedTree* trees = nullptr;  // their planes one after another
  std::size_t n_trees = 0;
  const double* values = nullptr;
};

/// Room for one tile, in lines of `tile_rows` bits; aligned to 64 bytes.
struct SlicedTile {
  void* lines = nullptr;           // of the splits
  void* reached = nullptr;         // 2 + 2 n_splits + n_twigs of the largest group
  void* planes = nullptr;          // 1 + the planes of the largest group
  std::uint8_t* leaves = nullptr;  // two bytes a row and tree of the largest group
};

/// For tiles of so many rows.
struct BitSlicesKernels {
  std::size_t tile_rows;
  /// lines[g] = rows whose code is greater than g, for g in [0, n_lines); codes are below 2^n_planes.
  /// One load, two operations and a store a line.
  void (*compare)(const std::uint8_t* codes, int n_planes, std::size_t n_lines, void* lines);
  /// Lines 0 (empty) and 1 (all rows), then the derived ones.
  void (*derive)(const DerivedLines& derived, void* lines);
  /// scores[row] += the value of the row's leaf, tree by tree: the same sum as of a walk, in the same order.
  void (*add_group)(const SlicedGroup& group, const SlicedTile& tile, double* scores);
};

struct BitSlicesTable {
  BitSlicesKernels many_rows, few_rows;
  [[nodiscard]] const BitSlicesKernels& of_rows(std::size_t n) const {
    return n <= few_rows.tile_rows ? few_rows : many_rows;
  }
};

extern const BitSlicesTable bit_slices_table_baseline;
extern const BitSlicesTable bit_slices_table_v3;
extern const BitSlicesTable bit_slices_table_v4;
[[nodiscard]] const BitSlicesTable& bit_slices_table(InstructionSet set = instruction_set());

}  // namespace curvature::kernel
