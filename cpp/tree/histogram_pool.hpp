// Histograms of the open nodes of a tree, lent out and taken back; their number is bounded.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "kernel/split_scan.hpp"

namespace curvature {

/// A node's cells and, once scanned, the best cut of every slot.
struct NodeHistogram {
  AlignedBuffer<Cell> cells;
  // Of a sparse matrix whose rows are not counted: a slot's weight of rows that are not of the default code.
  std::vector<std::uint64_t> weights;
  // Words that some slot of may still be split by, in order: of a sparse matrix those of the node, the others are
  // undefined; of a dense one all.
  std::vector<std::uint32_t> live_words;
  std::vector<std::uint8_t> drawn;  // a bit a slot, word by word: of columns that may be split by; one word more
  std::vector<kernel::SlotSplit> splits;
  std::vector<double> word_scores;  // the highest of each word's splits; where it is negative, these are not written
  std::vector<double> word_bounds;  // where rows of a sparse matrix are counted: what a word not yet scanned may have
  AlignedBuffer<RowCount> counts;   // of rows; empty where the pool was made without
};

/// Made with a trainer, used by one thread at a time. A histogram belongs to the pool; nodes hold plain pointers
/// from `acquire` to `release`.
class HistogramPool {
 public:
  /// At most the larger of kBytes and a quarter of `matrix_bytes`, and never fewer than kLeast histograms.
  HistogramPool(const HistogramLayout& layout, bool sparse, bool counts_rows, std::size_t matrix_bytes);

  /// A histogram of undefined content, or nullptr where the bound is reached and `beyond` is false.
  [[nodiscard]] NodeHistogram* acquire(bool beyond = false);
  void release(NodeHistogram* histogram);

 private:
  static constexpr std::size_t kBytes = std::size_t{512} << 20;
  static constexpr std::size_t kLeast = 8;

  std::size_t cells_;
  std::size_t slots_;
  bool sparse_;
  bool counts_rows_;
  std::size_t capacity_;
  std::vector<std::unique_ptr<NodeHistogram>> all_;
  std::vector<NodeHistogram*> free_;
};

}  // namespace curvature
