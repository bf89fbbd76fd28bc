// What boosting keeps for each row: target, weight, score, and the leaf it fell into.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "base/profile.hpp"
#include "kernel/quantize.hpp"
#include "loss/loss.hpp"
#include "tree/grower.hpp"

namespace curvature {

/// Weighted sums of the unrounded derivatives over the rows of a leaf.
struct LeafSum {
  double gradient = 0;
  double hessian = 0;
};

/// Made once a fit; every pass goes through the rows in order, in fixed blocks, so the threads do not show.
/// 16 bytes a row: the score, and the packed pair whose place the row's leaf takes when its tree has grown.
class RowState {
 public:
  /// `y` and `weights` (null: all 1) are the caller's and must outlive this.
  RowState(const Loss& loss, const double* y, const double* weights, std::size_t n_rows, int threads);

  void start(double score);

  /// Derivatives at the current scores, as packed integers; the scale is chosen so that no sum can overflow.
  QuantizationScale quantize(std::uint64_t key);
  /// Whether the totals of the last `quantize` were numbers.
  [[nodiscard]] bool finite() const;
  [[nodiscard]] const Cell* pairs() const { return pairs_.data(); }

  /// Notes the leaf of every row of the tree just grown.
  void assign_leaves(const GrownTree& tree, const Grower& grower);
  /// Sums a leaf, in the order of the tree's leaves. 64-bit integers on a grid of 2^-62 of the total: exact in any
  /// order.
  [[nodiscard]] std::vector<LeafSum> leaf_sums(std::size_t n_leaves) const;
  /// scores += values[leaf].
  void add(const std::vector<double>& values);

  [[nodiscard]] const double* scores() const { return scores_.data(); }

 private:
  template <class Visit>
  void for_each_block(Phase phase, Visit&& visit) const;
  [[nodiscard]] double weight(std::size_t row) const { return weights_ ? weights_[row] : 1.0; }

  const Loss& loss_;
  const double* y_;
  const double* weights_;
  std::size_t n_rows_;
  int threads_;
  bool integer_weights_ = true;
  std::size_t n_weighted_ = 0;  // rows of positive weight
  double total_weight_ = 0;
  double total_gradient_ = 0;  // of w |g| at the current scores
  double total_hessian_ = 0;
  AlignedBuffer<double> scores_;
  AlignedBuffer<Cell> pairs_;  // while a tree grows; then the leaf of each row (0 for rows of weight 0)
};

}  // namespace curvature
