// What boosting keeps for each row: its scores, and the leaf it fell into.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "base/profile.hpp"
#include "kernel/quantize.hpp"
#include "loss/loss.hpp"
#include "tree/grower.hpp"

namespace curvature {

/// Weighted sums of the unrounded derivatives over the rows of a leaf, in the units of the round.
struct LeafSum {
  double gradient = 0;
  double hessian = 0;
};

/// What a step does to a leaf's loss: its sum before, of absolute values, and by how much it rises.
struct LossChange {
  double before = 0;
  double rise = 0;

  void add(double weight, double value_before, double value_after) {
    before += weight * std::abs(value_before);
    rise += weight * (value_after - value_before);
  }
  [[nodiscard]] LossChange operator+(const LossChange& other) const {
    return {before + other.before, rise + other.rise};
  }
  /// Whether the loss rises by more than rounding, or becomes no number.
  [[nodiscard]] bool rises() const {
    constexpr double kRounding = 1e-15;
    return !(rise <= kRounding * before);
  }
};

/// Made once a fit; every pass goes through the rows in order, in fixed blocks, so the threads do not show.
/// 16 bytes a row with one output: the score, and the packed pair whose place the row's leaf takes when its tree has
/// grown. With K outputs K scores, and the 2 K derivatives at the start of the round, from which all its trees grow;
/// where steps may be halved also the K scores at the start of the round.
class RowState {
 public:
  /// What `target` points at is the caller's and must outlive this.
  RowState(Loss& loss, const LossTable& target, int threads);

  /// These scores, the same for every row, and the offsets of the target.
  void start(const std::vector<double>& scores);

  void begin_round();
  /// Derivatives of an output as packed integers; the scale is chosen so that no sum can overflow. Its units are those
  /// of the loss; of a loss of the residual, those in which the mean curvature is 1.
  QuantizationScale quantize(std::size_t output, std::uint64_t key);
  /// Whether the totals of the last `quantize` were numbers; a row that is to blame where they were not.
  [[nodiscard]] bool finite() const;
  [[nodiscard]] std::optional<std::size_t> row_not_finite(std::size_t output) const;
  [[nodiscard]] const Cell* pairs() const { return pairs_.data(); }

  /// Notes the leaf of every row of the tree just grown.
  void assign_leaves(const GrownTree& tree, const Grower& grower);
  /// Sums a leaf, in the order of the tree's leaves. 64-bit integers on a grid of 2^-62 of the total: exact in any
  /// order.
  [[nodiscard]] std::vector<LeafSum> leaf_sums(std::size_t output, std::size_t n_leaves) const;
  /// Rows of positive weight leaf by leaf, in increasing order; begin[leaf] is the first of a leaf.
  struct LeafRows {
    std::vector<std::size_t> begin;
    std::vector<RowIndex> rows;
  };
  [[nodiscard]] LeafRows rows_by_leaf(std::size_t n_leaves) const;
  /// What adding steps[leaf] to an output's scores would do to each leaf's loss, the other outputs being as they were
  /// at the start of the round.
  [[nodiscard]] std::vector<LossChange> changes(std::size_t output, const std::vector<double>& steps) const;
  /// scores += values[leaf].
  void add(std::size_t output, const std::vector<double>& values);
  /// Where the steps of several outputs together raised the loss: halves the whole round until it does not. Returns
  /// what is left of it, 1 as a rule.
  double hold_round();

  [[nodiscard]] const LossTable& target() const { return target_; }
  /// Scores at the start of the round.
  [[nodiscard]] const double* const* scores() const { return start_columns_.data(); }
  [[nodiscard]] double weight(std::size_t row) const { return target_.weights ? target_.weights[row] : 1.0; }

 private:
  struct Block;
  template <class Visit>
  void for_each_block(std::size_t output, Phase phase, Visit&& visit) const;
  [[nodiscard]] LossChange change_of_round() const;
  DerivativeTotals quantize_on(const QuantizationScale& scale, std::size_t output, std::uint64_t key, Phase phase);

  Loss& loss_;
  const LossTable& target_;
  std::size_t n_rows_;
  std::size_t n_outputs_;
  int threads_;
  bool integer_weights_ = true;
  std::size_t n_weighted_ = 0;  // rows of positive weight
  double total_weight_ = 0;
  DerivativeTotals total_;  // at the last `quantize`
  double unit_ = 1;         // of the round: derivatives are divided by it
  AlignedBuffer<double> scores_;
  std::vector<double*> score_columns_;
  AlignedBuffer<double> round_start_;  // the scores then, where they are needed; otherwise they are `scores_`
  std::vector<double*> start_columns_;
  AlignedBuffer<double> derivatives_;  // gradients of all outputs, then curvatures; empty with one output
  using LeafNumber = std::uint32_t;
  AlignedBuffer<Cell> pairs_;              // while a tree grows;
  LeafNumber* leaves_;                     // then, in the same place, the leaf of each row (0 for rows of weight 0)
  std::vector<QuantizationScale> scales_;  // of each output's last tree
};

}  // namespace curvature
