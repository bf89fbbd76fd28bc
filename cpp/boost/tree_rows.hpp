// What growing one tree keeps for each row: its packed derivatives, and then the leaf it fell into.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "boost/row_state.hpp"
#include "kernel/quantize.hpp"
#include "tree/grower.hpp"

namespace curvature {

/// Weighted sums of the unrounded derivatives over the rows of a leaf, in the units of the round.
struct LeafSum {
  double gradient = 0;
  double hessian = 0;
};

/// 8 bytes a row, its own or lent: the packed pair, whose room the row's leaf takes when the tree has grown; 12 where
/// the matrix has been reordered. Rows are numbered as in the target, unless said otherwise. Used for one tree after
/// another; trees of different outputs may grow at the same time on the same `RowState`.
class TreeRows {
 public:
  explicit TreeRows(RowState& rows);

  /// Derivatives of an output as packed integers; the scale is chosen so that no sum can overflow. Its units are those
  /// of the loss; of a loss of the residual, those in which the mean curvature is 1.
  QuantizationScale quantize(std::size_t output, std::uint64_t key);
  /// The same of pairs that are quantized already, by `scale_for` the row state's totals. They are overwritten.
  QuantizationScale borrow(std::size_t output, Cell* pairs);
  /// The scale for derivatives of these totals, in the units of the loss.
  [[nodiscard]] static QuantizationScale scale_for(const DerivativeTotals& totals, const RowState::Weights& weights);
  /// Whether the totals of the last `quantize` were numbers; a row that is to blame where they were not.
  [[nodiscard]] bool finite() const;
  [[nodiscard]] std::optional<std::size_t> row_not_finite(std::size_t output) const;
  /// In the matrix's order of the rows.
  [[nodiscard]] const Cell* pairs() const { return pairs_; }

  /// Notes the leaf of every row of the tree just grown; of one grown on a sample, also its covers and gains in the
  /// tree.
  void assign_leaves(GrownTree& tree, Grower& grower);
  /// Reorders the matrix, once a fit, so that rows of one leaf of the tree just grown lie together: those grown later,
  /// much like it, find their rows nearer to each other, and are the same trees. All rows have a positive weight.
  /// Forgets leaves().
  void cluster(const GrownTree& tree, const Grower& grower, BinnedMatrix& matrix);
  [[nodiscard]] const LeafNumber* leaves() const { return leaves_; }
  /// Sums a leaf, in the order of the tree's leaves. 64-bit integers on a grid of 2^-62 of the total: exact in any
  /// order.
  [[nodiscard]] std::vector<LeafSum> leaf_sums(std::size_t output, std::size_t n_leaves) const;
  /// Rows of positive weight leaf by leaf, in increasing order; begin[leaf] is the first of a leaf.
  struct LeafRows {
    std::vector<std::size_t> begin;
    std::vector<RowIndex> rows;
  };
  [[nodiscard]] LeafRows by_leaf(std::size_t n_leaves) const;
  /// What adding steps[leaf] to an output's scores would do to each leaf's loss, the other outputs being as they were
  /// at the start of the round.
  [[nodiscard]] std::vector<LossChange> changes(std::size_t output, const std::vector<double>& steps) const;

  [[nodiscard]] const RowState& all() const { return rows_; }

 private:
  void use(Cell* pairs);
  [[nodiscard]] QuantizationScale in_own_unit(QuantizationScale scale, std::size_t output);
  DerivativeTotals quantize_on(const QuantizationScale& scale, std::size_t output, std::uint64_t key, Phase phase,
                               bool known);

  RowState& rows_;
  std::size_t n_rows_;
  DerivativeTotals total_;          // at the last `quantize`
  QuantizationScale last_scale_;    // of its tree, where there is one output
  double unit_ = 1;                 // of the round: derivatives are divided by it
  AlignedBuffer<RowIndex> places_;  // of each row in the matrix, where it has been reordered
  AlignedBuffer<Cell> own_;         // made when first needed
  Cell* pairs_ = nullptr;           // while a tree grows;
  LeafNumber* leaves_ = nullptr;    // then, in the same room, the leaf of each row (0 for rows of weight 0)
};

}  // namespace curvature
