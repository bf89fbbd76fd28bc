// The search for the best split of a word of slots: every bin as a cut, missing values on either side.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/histogram.hpp"
#include "kernel/row_counts.hpp"

namespace curvature {

/// Code 0 of every slot is "missing"; values have codes 1, 2, … in increasing order.
inline constexpr std::int32_t kMissingCode = 0;

/// Hessian sums are whole and below 2^31: with lambda on this grid, sums of both are exact in a double, so a limit on
/// the Hessian is held exactly.
inline constexpr double kLambdaGrid = 0x1p-20;

namespace kernel {

/// What the cuts of a node are scored by, in quantized units.
struct ScoredNode {
  double gradient = 0;  // totals of the node
  double hessian = 0;
  double lambda = 0;       // L2 penalty; a multiple of kLambdaGrid, so that sums with Hessians are exact
  double alpha = 0;        // L1 penalty
  double min_hessian = 1;  // least Hessian of a child; at least one unit, so that no child is empty
};

/// One node's share of a word.
struct ScanTask : ScoredNode {
  const Cell* cells = nullptr;  // the first line of the word
  std::int32_t lines = 0;
  bool has_missing = false;
  const CutRanges* ranges = nullptr;  // null: every bin may be the last of the left child
};

/// Bins that may be the last of the left child, for missing values to the right [0] and left [1].
struct BinRange {
  std::int32_t first[2] = {1, 1};
  std::int32_t last[2] = {INT32_MAX, INT32_MAX};
};

/// The best cut of one slot: `score` is negative where no cut is allowed.
struct SlotSplit {
  double score = -1;
  std::int32_t bin = 0;
  bool missing_left = false;
};

/// The best cut of each lane. The score is T(G_L)^2 / (H_L + lambda) + T(G_R)^2 / (H_R + lambda) with the
/// soft threshold T of alpha; -1 where no cut is allowed. Left: value codes <= bin, and missing where missing_left.
struct LaneSplits {
  double score[kWordSlots];
  std::int32_t bin[kWordSlots];
  bool missing_left[kWordSlots];
};

struct SplitScanTable {
  /// Scores are compared in double precision by cross-multiplication. Where many cuts are to be told apart, scores in
  /// single precision sift them first, eight lanes at a time: 64 bytes a line in each of two passes.
  /// Ties go to the lowest bin, then to missing on the right. Missing alone is never the left child.
  void (*scan)(const ScanTask& task, LaneSplits& best);
  /// The same, to the last bit, of one lane, with its cuts held to this range instead of the task's.
  SlotSplit (*scan_lane)(const ScanTask& task, int lane, const BinRange& range);
};

extern const SplitScanTable split_scan_table_baseline;
extern const SplitScanTable split_scan_table_v3;
extern const SplitScanTable split_scan_table_v4;
[[nodiscard]] const SplitScanTable& split_scan_table(InstructionSet set = instruction_set());

}  // namespace kernel
}  // namespace curvature
