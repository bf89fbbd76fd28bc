// The best split of a node: every slot's best cut by the kernel, then the best slot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "data/binned_matrix.hpp"
#include "kernel/partition.hpp"
#include "kernel/quantize.hpp"
#include "kernel/split_scan.hpp"
#include "tree/category_order.hpp"
#include "tree/histogram_pool.hpp"
#include "tree/parameters.hpp"

namespace curvature {

/// A split that a node could make.
struct SplitCandidate {
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

  double rise = 0;  // of the score, in the quantized units of the tree: orders splits, whatever the unit of y
  double gain = 0;  // real units: 1/2 [G_L^2/(H_L+lambda) + G_R^2/(H_R+lambda) - G^2/(H+lambda)] - min_split_gain
  std::size_t slot = kNone;
  CodeSplit codes;
  Cell left_sum = 0;

  [[nodiscard]] bool exists() const { return slot != kNone; }
};

/// Immutable but for `begin_tree`; nodes are searched from any thread.
class SplitSearch {
 public:
  /// Searches the words of `layout`, the first of the matrix; the slots of the others are drawn in vain. `min_weight`:
  /// least weight of a leaf in steps; here it only spares work.
  SplitSearch(const BinnedMatrix& matrix, const HistogramLayout& layout, const BinMapper& mapper,
              const TreeParams& params, bool hessian_is_weight, std::uint64_t min_weight);

  /// `noise`: of a row, the square of its gradient over its Hessian, in the units of the scale; counts where there are
  /// categories.
  void begin_tree(const QuantizationScale& scale, double noise);
  [[nodiscard]] bool has_categories() const { return has_categories_; }

  /// Draws the columns of a node: a bit a slot, word by word, in `drawn`, which has one word more for slots that are
  /// not searched. Left as it is where all columns are drawn.
  void draw(std::uint64_t key, std::vector<std::uint8_t>& drawn) const;
  /// Scans the drawn slots of a word of `histogram` into histogram.splits.
  void scan_word(NodeHistogram& histogram, NodeTotal node, std::size_t word) const;
  /// The same of a sparse matrix.
  void scan_sparse_word(NodeHistogram& histogram, NodeTotal node, std::size_t word) const;
  /// Scans one slot again with its cuts held to a range.
  void scan_slot(NodeHistogram& histogram, NodeTotal node, std::size_t slot, const kernel::BinRange& range) const;
  /// The best of histogram.splits, once words that have but a bound are scanned as need be. Ties: lowest feature.
  [[nodiscard]] SplitCandidate best(NodeHistogram& histogram, NodeTotal node) const;

  /// The split of `slot` by a cut of this score that sends `left_sum` left; none where its rise is too little.
  /// `some_missing`: whether the node's missing values there add up to anything. Where they do not, one that comes
  /// later follows the child of more curvature (ties: left).
  [[nodiscard]] SplitCandidate candidate(std::size_t slot, double score, const CodeSplit& codes, Cell left_sum,
                                         bool some_missing, Cell sum) const;
  /// Whether a slot's score, compared in the order of features, takes the place of the best so far.
  [[nodiscard]] static bool is_better(double score, double best_score);

  /// Slots of features that can be split at all, by feature.
  [[nodiscard]] const std::vector<std::size_t>& usable_slots() const { return usable_slots_; }
  /// What the cuts of a node with this sum are scored by.
  [[nodiscard]] kernel::ScoredNode scored_node(Cell sum) const;

  [[nodiscard]] bool is_category(std::size_t slot) const { return category_codes_[slot] > 0; }
  /// Of a category.
  [[nodiscard]] CategoryOrder order(const NodeHistogram& histogram, NodeTotal node, std::size_t slot) const;

  /// Whether a node with this sum could be split into two children of enough Hessian.
  [[nodiscard]] bool splittable(Cell sum) const { return static_cast<double>(hessian_sum(sum)) >= 2 * min_hessian_; }

 private:
  [[nodiscard]] kernel::ScanTask scan_task(const NodeHistogram& histogram, Cell sum, std::size_t word) const;
  void scan_promising(NodeHistogram& histogram, NodeTotal node) const;
  [[nodiscard]] double near_to(double highest) const;
  void note_score(NodeHistogram& histogram, std::size_t word) const;
  [[nodiscard]] std::vector<std::size_t> best_slots(const NodeHistogram& histogram) const;
  void scan_numbers(NodeHistogram& histogram, NodeTotal node, std::size_t word) const;
  void scan_category(NodeHistogram& histogram, NodeTotal node, std::size_t slot, const kernel::BinRange& range) const;
  void choose_codes(const NodeHistogram& histogram, NodeTotal node, SplitCandidate& candidate) const;
  [[nodiscard]] double node_score(Cell sum) const;
  [[nodiscard]] Cell left_sum(const NodeHistogram& histogram, std::size_t slot, const CodeSplit& codes) const;

  const BinnedMatrix& matrix_;
  const HistogramLayout& layout_;
  TreeParams params_;
  bool hessian_is_weight_;
  std::uint64_t min_weight_;
  std::vector<std::size_t> usable_slots_;
  bool has_categories_ = false;
  std::vector<std::int32_t> category_codes_;  // a slot: its number of codes, 0 where it holds numbers
  std::vector<std::uint32_t> drawn_from_;     // the usable slots, the first beyond the layout in place of all there
  std::size_t n_drawn_ = 0;
  // In the quantized units of the current tree:
  double lambda_ = 0;
  double alpha_ = 0;
  double min_hessian_ = 1;
  double min_rise_ = 0;
  double gain_unit_ = 1;
  double noise_ = 0;
};

}  // namespace curvature
