// What boosting keeps for each row over all trees: its scores, and the derivatives of a round.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "base/profile.hpp"
#include "base/threads.hpp"
#include "kernel/quantize.hpp"
#include "loss/loss.hpp"

namespace curvature {

using LeafNumber = std::uint32_t;  // of a row, in the order of its tree's leaves

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
/// With one output 8 bytes a row, the score; derivatives are computed twice a tree, unless the rows are few enough to
/// keep them. With K outputs K scores, and the 2 K derivatives at the start of the round (K numbers, where the loss can
/// pack them), from which all its trees grow, whichever comes first; where steps may be halved also the K scores at the
/// start of the round.
class RowState {
 public:
  static constexpr std::size_t kPass = 8192;  // rows a task; partial sums are added in the order of tasks
  static constexpr std::size_t kBlock = 512;  // rows whose derivatives stay in L1

  /// Of the rows.
  struct Weights {
    bool all_whole = true;
    std::size_t n_positive = 0;
    double total = 0;
  };
  /// Derivatives of an output for some rows.
  struct Block {
    const double* gradients;
    const double* hessians;
  };

  /// What `target` points at is the caller's and must outlive this.
  RowState(Loss& loss, const LossTable& target, int threads);

  /// These scores, the same for every row, and the offsets of the target.
  void start(const std::vector<double>& scores);

  void begin_round();
  /// scores += values[leaf]: of one output by one thread at a time.
  void add(std::size_t output, const LeafNumber* leaves, const std::vector<double>& values);
  /// Where the steps of several outputs together raised the loss: halves the whole round until it does not. Returns
  /// what is left of it, 1 as a rule.
  double hold_round();

  [[nodiscard]] const Loss& loss() const { return loss_; }
  [[nodiscard]] const LossTable& target() const { return target_; }
  [[nodiscard]] std::size_t n_outputs() const { return n_outputs_; }
  [[nodiscard]] int threads() const { return threads_; }
  /// Scores at the start of the round.
  [[nodiscard]] const double* const* scores() const { return start_columns_.data(); }
  [[nodiscard]] double weight(std::size_t row) const { return target_.weights ? target_.weights[row] : 1.0; }
  [[nodiscard]] const Weights& weights() const { return weights_; }
  /// Of an output's derivatives at the start of the round, where there are several outputs.
  [[nodiscard]] const DerivativeTotals& totals(std::size_t output) const { return totals_[output]; }
  /// Of at most kBlock rows from a row on, at the start of the round, where there are several outputs; `own` has room
  /// for twice as many numbers.
  [[nodiscard]] Block kept(std::size_t output, std::size_t row, std::size_t n, double* own) const {
    double* const kept = kept_ + output * n_rows_ + row;
    if (!loss_.info().packs_steps) return {kept, kept + n_outputs_ * n_rows_};
    loss_.unpack_steps({target_.columns.data(), nullptr, row, n}, output, kept, own, own + kBlock);
    return {own, own + kBlock};
  }
  /// To quantize derivatives of rows [at, at + n): all but scale, key and where the results go.
  [[nodiscard]] kernel::QuantizeTask quantize_task(const Block& block, std::size_t at, std::size_t n) const {
    kernel::QuantizeTask task;
    task.gradients = block.gradients;
    task.hessians = block.hessians;
    task.weights = target_.weights ? target_.weights + at : nullptr;
    task.n_rows = n;
    task.first_row = at;
    return task;
  }
  /// Sums in double go over a fixed number of parts of so many rows, whatever the threads, added in their order.
  [[nodiscard]] std::size_t rows_a_part() const;

  /// Calls visit(first row, rows, derivatives, worker) block by block; the blocks of one stretch of kPass rows in
  /// order. Those of one output are computed, unless they are kept and are known to be those of the present scores.
  template <class Visit>
  void for_each_block(std::size_t output, Phase phase, bool known, Visit&& visit) const {
    parallel_ranges(n_rows_, kPass, threads_, [&](std::size_t begin, std::size_t end, int worker) {
      const profile::Scope scope(phase, end - begin);
      double own[2 * kBlock];
      for (std::size_t at = begin; at < end; at += kBlock) {
        const std::size_t n = std::min(kBlock, end - at);
        if (n_outputs_ > 1) {
          visit(at, n, kept(output, at, n, own), worker);
          continue;
        }
        double* gradients = kept_ ? kept_ + at : own;
        double* hessians = kept_ ? gradients + n_rows_ : own + kBlock;
        if (!(kept_ && known)) {
          loss_.steps({target_.columns.data(), score_columns_.data(), at, n}, &gradients, &hessians);
        }
        visit(at, n, Block{gradients, hessians}, worker);
      }
    });
  }

 private:
  [[nodiscard]] LossChange change_of_round() const;

  Loss& loss_;
  const LossTable& target_;
  std::size_t n_rows_;
  std::size_t n_outputs_;
  int threads_;
  Weights weights_;
  AlignedBuffer<double> scores_;
  std::vector<double*> score_columns_;
  AlignedBuffer<double> round_start_;  // the scores then, where they are needed; otherwise they are `scores_`
  std::vector<double*> start_columns_;
  AlignedBuffer<double> derivatives_;  // gradients of all outputs, then curvatures, or packed; see above
  double* kept_;                       // where they begin; null where they are computed each time
  std::vector<DerivativeTotals> totals_;
};

}  // namespace curvature
