// The search for the best splits of a node of few rows without a histogram: every column's rows lie in the order of
// their codes, once a fit, and a node is a bit a row and column. So its cost goes with its rows, not with the bins, and
// where a cut falls tells how many rows each child has.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/aligned_buffer.hpp"
#include "kernel/split_scan.hpp"

namespace curvature::kernel {

/// A row's place in the order of a column.
using Place = std::uint16_t;
inline constexpr std::size_t kMostPlaces = 65536;

/// Columns of codes, each in increasing order; codes 0, which are missing, come first.
struct SortedColumns {
  std::size_t n_columns = 0;
  std::size_t n_rows = 0;
  std::size_t stride = 0;               // places between two columns
  std::size_t n_words = 0;              // of bits a column, a bit a place
  const Cell* pairs = nullptr;          // packed (gradient, Hessian) by column and place
  const std::uint8_t* codes = nullptr;  // likewise
  const bool* has_missing = nullptr;    // a column
};

/// What the search needs to write down, for all columns. Used by one node after another.
class SortedScratch {
 public:
  SortedScratch(std::size_t n_columns, std::size_t n_rows);

  [[nodiscard]] Place* places() { return places_.data(); }
  [[nodiscard]] Cell* sums(std::size_t column) { return sums_.data() + column * stride_; }
  [[nodiscard]] std::int32_t* codes(std::size_t column) { return codes_.data() + column * stride_; }
  [[nodiscard]] float* bounds(std::size_t column, int side) {
    return bounds_.data() + (2 * column + static_cast<std::size_t>(side)) * stride_;
  }

 private:
  std::size_t stride_;  // with room for whole registers behind the last
  AlignedBuffer<Place> places_;
  AlignedBuffer<Cell> sums_;
  AlignedBuffer<std::int32_t> codes_;
  AlignedBuffer<float> bounds_;
};

/// `alpha` must be 0.
struct SortedScanTask : ScoredNode {
  SortedColumns columns;
  const std::uint64_t* members = nullptr;  // the node's rows by column
  std::size_t n_members = 0;
  std::size_t least = 1;             // rows of a child; at least 1
  const bool* searched = nullptr;    // a column
  const bool* held = nullptr;        // a column: cuts leave enough rows on whichever side missing values are
  SortedScratch* scratch = nullptr;  // of these columns
};

/// The best cut of a column: `score` as in LaneSplits, negative where there is none, or none near the node's best.
struct SortedCut {
  double score = -1;
  float bound = -1;  // of all scores but for what they share
  std::int32_t bin = 0;
  bool missing_left = false;
  std::uint32_t n_missing = 0;  // rows of the node
  std::uint32_t n_before = 0;   // rows of a code up to the bin's, missing ones among them
  Cell missing_sum = 0;
  Cell left_sum = 0;
};

/// Rows whose bits are to be set in every column.
struct MarkTask {
  const std::uint32_t* bits = nullptr;  // of a row in each column, row by row: column * n_words * 64 + place
  std::size_t n_columns = 0;
  const RowIndex* rows = nullptr;
  std::size_t n_rows = 0;
  std::uint64_t* members = nullptr;
};

struct SortedScanTable {
  /// One load and one read-modify-write a (row, column).
  void (*mark)(const MarkTask& task);
  /// Lists the places whose bits are set, n_words * 64 + 8 of room; returns how many.
  std::size_t (*list)(const std::uint64_t* members, std::size_t n_words, Place* places);
  /// The best cut of each column, as `scan` finds it among those that leave each child `least` rows. Where missing
  /// values add up to nothing, their side is chosen after the cut, which may leave any number of rows unless `held`.
  /// Of columns that cannot have the best cut of the node, or come within kNearest of it, none is told.
  void (*scan)(const SortedScanTask& task, SortedCut* cuts);
};

/// Scores are told for certain from this share of the highest on.
inline constexpr double kNearest = 1 - 1e-9;

extern const SortedScanTable sorted_scan_table_baseline;
extern const SortedScanTable sorted_scan_table_v3;
extern const SortedScanTable sorted_scan_table_v4;
[[nodiscard]] const SortedScanTable& sorted_scan_table(InstructionSet set = instruction_set());

}  // namespace curvature::kernel
