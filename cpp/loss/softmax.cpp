#include "loss/softmax.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/errors.hpp"
#include "base/threads.hpp"
#include "loss/start.hpp"

namespace curvature {
namespace {

LossInfo softmax_info(std::size_t n_classes, bool of_shares) {
  if (n_classes < 2) {
    throw InputError(sentence("n_classes=", n_classes, " must be at least 2 for loss='softmax'."));
  }
  LossInfo info;
  info.name = "softmax";
  info.n_outputs = n_classes;
  info.link = Link::softmax;
  info.has_mixed_derivatives = true;
  info.packs_steps = true;
  info.domain = {.low = 0, .high = static_cast<double>(n_classes - 1), .whole = true};
  if (of_shares) {
    info.n_columns = n_classes;
    info.domain = {.low = 0, .high = 1};
  }
  return info;
}

const SoftmaxTable& loops_of(InstructionSet set) {
  static const PerInstructionSet<SoftmaxTable> tables{
      softmax_table_baseline,
#ifdef CURVATURE_HAS_X86_LEVELS
      softmax_table_v3,
      softmax_table_v4,
#endif
  };
  return tables.of(set);
}

// Columns from a block's first row on.
std::vector<const double*> from_begin(const double* const* columns, const LossRows& rows, std::size_t n_classes) {
  std::vector<const double*> found(columns, columns + n_classes);
  for (const double*& column : found) column += rows.begin;
  return found;
}

}  // namespace

SoftmaxLoss::SoftmaxLoss(std::size_t n_classes, InstructionSet set, bool of_shares)
    : Loss(softmax_info(n_classes, of_shares)), loops_(loops_of(set)) {}

void SoftmaxLoss::values(const LossRows& rows, double* out) const {
  const std::size_t n_classes = info_.n_outputs;
  const auto scores = from_begin(rows.scores, rows, n_classes);
  if (of_shares()) {
    const auto shares = from_begin(rows.columns, rows, n_classes);
    return loops_.values_of_shares(shares.data(), scores.data(), n_classes, rows.size, out);
  }
  loops_.values(rows.columns[0] + rows.begin, scores.data(), n_classes, rows.size, out);
}

void SoftmaxLoss::derivatives(const LossRows& rows, double* const* gradients, double* const* hessians) const {
  const std::size_t n_classes = info_.n_outputs;
  const auto scores = from_begin(rows.scores, rows, n_classes);
  if (of_shares()) {
    const auto shares = from_begin(rows.columns, rows, n_classes);
    return loops_.derivatives_of_shares(shares.data(), scores.data(), n_classes, rows.size, gradients, hessians);
  }
  loops_.derivatives(rows.columns[0] + rows.begin, scores.data(), n_classes, rows.size, gradients, hessians);
}

void SoftmaxLoss::pack_steps(const LossRows& rows, double* const* packed) const {
  const auto scores = from_begin(rows.scores, rows, info_.n_outputs);
  loops_.pack(scores.data(), info_.n_outputs, rows.size, packed);
}

void SoftmaxLoss::unpack_steps(const LossRows& rows, std::size_t output, const double* packed, double* gradients,
                               double* curvatures) const {
  if (of_shares()) {
    const auto shares = from_begin(rows.columns, rows, info_.n_outputs);
    return loops_.unpack_of_shares(shares.data(), output, packed, rows.size, gradients, curvatures);
  }
  loops_.unpack(rows.columns[0] + rows.begin, output, packed, rows.size, gradients, curvatures);
}

void SoftmaxLoss::mixed_derivatives(const LossRows& rows, double* const* mixed) const {
  const std::size_t n_classes = info_.n_outputs;
  std::vector<double> memory(2 * n_classes * rows.size);
  std::vector<double*> shares;
  std::vector<double*> unused;
  for (std::size_t k = 0; k < n_classes; ++k) {
    shares.push_back(memory.data() + 2 * k * rows.size);
    unused.push_back(shares[k] + rows.size);
  }
  derivatives(rows, shares.data(), unused.data());
  for (std::size_t i = 0; i < rows.size; ++i) {
    const std::size_t row = rows.begin + i;
    if (!of_shares()) shares[static_cast<std::size_t>(rows.columns[0][row])][i] += 1;
    for (std::size_t k = 0; k < n_classes && of_shares(); ++k) shares[k][i] += rows.columns[k][row];
  }
  for (std::size_t k = 1; k < n_classes; ++k) {
    for (std::size_t l = 0; l < k; ++l, ++mixed) {
      for (std::size_t i = 0; i < rows.size; ++i) (*mixed)[i] = -shares[k][i] * shares[l][i];
    }
  }
}

void SoftmaxLoss::count(const LossTable& table, std::size_t row, double* totals) const {
  const double weight = table.weights ? table.weights[row] : 1.0;
  if (of_shares()) {
    for (std::size_t k = 0; k < info_.n_outputs; ++k) totals[k] += weight * table.columns[k][row];
    return;
  }
  const double y = table.columns[0][row];
  if (!info_.domain.contain(y)) {
    throw InputError(sentence("y[", row, "]=", y, " must be a class from 0 to ", info_.n_outputs - 1, "."));
  }
  totals[static_cast<std::size_t>(y)] += weight;
}

std::vector<double> SoftmaxLoss::start_scores(const LossTable& table, int threads) const {
  constexpr std::size_t kTask = 4096;
  constexpr double kLeastShare = 1e-10;
  const std::size_t n_classes = info_.n_outputs;
  std::vector<double> partial((table.n_rows + kTask - 1) / kTask * n_classes);
  parallel_ranges(table.n_rows, kTask, threads, [&](std::size_t begin, std::size_t end, int) {
    double* sums = partial.data() + begin / kTask * n_classes;
    for (std::size_t row = begin; row < end; ++row) count(table, row, sums);
  });
  std::vector<double> totals(n_classes);
  double all = 0;
  for (std::size_t i = 0; i < partial.size(); ++i) {
    totals[i % n_classes] += partial[i];
    all += partial[i];
  }
  const double absent = weight_of_absent(table, totals);
  std::vector<double> scores;
  for (std::size_t k = 0; k < n_classes; ++k) {
    const double share = (totals[k] > 0 ? totals[k] : absent) / all;
    scores.push_back(std::log(all > 0 ? std::max(share, kLeastShare) : 1.0 / static_cast<double>(n_classes)));
    scores[k] -= level_of_offset(table, k, Link::identity, threads);
  }
  if (table.offsets.empty()) return scores;
  const std::vector<double> guess = scores;
  scores = search_start(*this, table, std::move(scores), threads);
  for (std::size_t k = 0; k < n_classes; ++k) {
    if (!(totals[k] > 0)) scores[k] = guess[k];  // its least is at infinity
  }
  return scores;
}

}  // namespace curvature
