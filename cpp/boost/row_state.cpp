#include "boost/row_state.hpp"

#include <functional>
#include <numeric>

namespace curvature {
namespace {

constexpr std::size_t kRowsWorthATeam = 16384;
constexpr std::size_t kRowsKept = std::size_t{1} << 19;  // up to which derivatives are kept: 8 MiB

// Numbers a row and output that are kept of the derivatives.
std::size_t numbers_kept(const LossInfo& info, std::size_t n_rows) {
  if (info.n_outputs > 1) return info.packs_steps ? 1 : 2;
  return n_rows <= kRowsKept ? 2 : 0;
}

}  // namespace

RowState::RowState(Loss& loss, const LossTable& target, int threads)
    : loss_(loss),
      target_(target),
      n_rows_(target.n_rows),
      n_outputs_(loss.info().n_outputs),
      threads_(n_rows_ < kRowsWorthATeam ? 1 : threads),
      scores_(n_rows_ * n_outputs_),
      round_start_(n_outputs_ > 1 && loss.info().leaf_rule != LeafRule::newton ? n_rows_ * n_outputs_ : 0),
      derivatives_(numbers_kept(loss.info(), n_rows_) * n_rows_ * n_outputs_),
      kept_(derivatives_.empty() ? nullptr : derivatives_.data()),
      totals_(n_outputs_) {
  for (std::size_t k = 0; k < n_outputs_; ++k) {
    score_columns_.push_back(scores_.data() + k * n_rows_);
    start_columns_.push_back((round_start_.empty() ? scores_ : round_start_).data() + k * n_rows_);
  }
  for (std::size_t row = 0; row < n_rows_; ++row) {
    weights_.total += weight(row);
    weights_.n_positive += weight(row) > 0;
    weights_.all_whole = weights_.all_whole && weight(row) == std::floor(weight(row));
  }
}

void RowState::start(const std::vector<double>& scores) {
  for (std::size_t k = 0; k < n_outputs_; ++k) {
    std::fill_n(score_columns_[k], n_rows_, scores[k]);
    if (target_.offsets.empty()) continue;
    for (std::size_t row = 0; row < n_rows_; ++row) score_columns_[k][row] += target_.offsets[k][row];
  }
}

void RowState::begin_round() {
  loss_.prepare(score_columns_.data(), n_rows_);
  if (n_outputs_ == 1) return;
  const std::size_t n_passes = (n_rows_ + kPass - 1) / kPass;
  std::vector<DerivativeTotals> partial(n_outputs_ * n_passes);
  parallel_ranges(n_rows_, kPass, threads_, [&](std::size_t begin, std::size_t end, int) {
    const profile::Scope scope(Phase::gradient, end - begin);
    if (!round_start_.empty()) {
      for (std::size_t k = 0; k < n_outputs_; ++k) {
        std::copy(score_columns_[k] + begin, score_columns_[k] + end, start_columns_[k] + begin);
      }
    }
    std::vector<double*> gradients(n_outputs_), hessians(n_outputs_);
    for (std::size_t at = begin; at < end; at += kBlock) {
      for (std::size_t k = 0; k < n_outputs_; ++k) {
        gradients[k] = kept_ + k * n_rows_ + at;
        hessians[k] = gradients[k] + n_outputs_ * n_rows_;
      }
      const LossRows rows{target_.columns.data(), score_columns_.data(), at, std::min(kBlock, end - at)};
      if (loss_.info().packs_steps) {
        loss_.pack_steps(rows, gradients.data());
      } else {
        loss_.steps(rows, gradients.data(), hessians.data());
      }
      double own[2 * kBlock];
      for (std::size_t k = 0; k < n_outputs_; ++k) {
        kernel::QuantizeTask task = quantize_task(kept(k, at, rows.size, own), at, rows.size);
        task.totals = &partial[k * n_passes + begin / kPass];
        kernel::quantize_table().add_totals(task);
      }
    }
  });
  for (std::size_t k = 0; k < n_outputs_; ++k) {
    totals_[k] = {};
    for (std::size_t pass = 0; pass < n_passes; ++pass) totals_[k] += partial[k * n_passes + pass];
  }
}

LossChange RowState::change_of_round() const {
  const std::size_t per_part = rows_a_part();
  std::vector<LossChange> parts((n_rows_ + per_part - 1) / per_part);
  parallel_ranges(n_rows_, per_part, threads_, [&](std::size_t begin, std::size_t end, int) {
    const profile::Scope scope(Phase::update, end - begin);
    double before[kBlock], after[kBlock];
    for (std::size_t at = begin; at < end; at += kBlock) {
      const std::size_t n = std::min(kBlock, end - at);
      loss_.values({target_.columns.data(), start_columns_.data(), at, n}, before);
      loss_.values({target_.columns.data(), score_columns_.data(), at, n}, after);
      for (std::size_t i = 0; i < n; ++i) {
        if (weight(at + i) > 0) parts[begin / per_part].add(weight(at + i), before[i], after[i]);
      }
    }
  });
  return std::accumulate(parts.begin(), parts.end(), LossChange{}, std::plus<>{});
}

double RowState::hold_round() {
  if (round_start_.empty()) return 1;
  constexpr int kMostHalvings = 30;
  double left = 1;
  for (int i = 0; i <= kMostHalvings && change_of_round().rises(); ++i) {
    const double factor = i < kMostHalvings ? 0.5 : 0.0;
    left *= factor;
    for (std::size_t j = 0; j < n_rows_ * n_outputs_; ++j) {
      scores_[j] = round_start_[j] + factor * (scores_[j] - round_start_[j]);
    }
  }
  return left;
}

void RowState::add(std::size_t output, const LeafNumber* leaves, const std::vector<double>& values) {
  double* scores = score_columns_[output];
  parallel_ranges(n_rows_, kPass, threads_, [&](std::size_t begin, std::size_t end, int) {
    const profile::Scope scope(Phase::update, 0);
    for (std::size_t i = begin; i < end; ++i) scores[i] += values[leaves[i]];
  });
}

std::size_t RowState::rows_a_part() const {
  constexpr std::size_t kMostParts = 64;
  return std::max(kPass, (n_rows_ / kMostParts / kBlock + 1) * kBlock);
}

}  // namespace curvature
