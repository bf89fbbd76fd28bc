#include "loss/softmax.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/errors.hpp"
#include "base/threads.hpp"

namespace curvature {
namespace {

LossInfo softmax_info(std::size_t n_classes) {
  if (n_classes < 2) {
    throw InputError(sentence("n_classes=", n_classes, " must be at least 2 for loss='softmax'."));
  }
  LossInfo info;
  info.name = "softmax";
  info.n_outputs = n_classes;
  info.link = Link::softmax;
  info.has_mixed_derivatives = true;
  info.domain = {.low = 0, .high = static_cast<double>(n_classes - 1), .whole = true};
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

// The scores' columns from a block's first row on.
std::vector<const double*> from_begin(const LossRows& rows, std::size_t n_classes) {
  std::vector<const double*> scores(rows.scores, rows.scores + n_classes);
  for (const double*& score : scores) score += rows.begin;
  return scores;
}

}  // namespace

SoftmaxLoss::SoftmaxLoss(std::size_t n_classes, InstructionSet set)
    : Loss(softmax_info(n_classes)), loops_(loops_of(set)) {}

void SoftmaxLoss::values(const LossRows& rows, double* out) const {
  const std::size_t n_classes = info_.n_outputs;
  loops_.values(rows.columns[0] + rows.begin, from_begin(rows, n_classes).data(), n_classes, rows.size, out);
}

void SoftmaxLoss::derivatives(const LossRows& rows, double* const* gradients, double* const* hessians) const {
  const std::size_t n_classes = info_.n_outputs;
  loops_.derivatives(rows.columns[0] + rows.begin, from_begin(rows, n_classes).data(), n_classes, rows.size, gradients,
                     hessians);
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
  for (std::size_t i = 0; i < rows.size; ++i) shares[static_cast<std::size_t>(rows.columns[0][rows.begin + i])][i] += 1;
  for (std::size_t k = 1; k < n_classes; ++k) {
    for (std::size_t l = 0; l < k; ++l, ++mixed) {
      for (std::size_t i = 0; i < rows.size; ++i) (*mixed)[i] = -shares[k][i] * shares[l][i];
    }
  }
}

std::vector<double> SoftmaxLoss::start_scores(const LossTable& table, int threads) const {
  constexpr std::size_t kTask = 4096;
  constexpr double kLeastShare = 1e-10;
  const std::size_t n_classes = info_.n_outputs;
  std::vector<double> partial((table.n_rows + kTask - 1) / kTask * n_classes);
  parallel_ranges(table.n_rows, kTask, threads, [&](std::size_t begin, std::size_t end, int) {
    double* sums = partial.data() + begin / kTask * n_classes;
    for (std::size_t row = begin; row < end; ++row) {
      const double y = table.columns[0][row];
      if (!info_.domain.contain(y)) {
        throw InputError(sentence("y[", row, "]=", y, " must be a class from 0 to ", n_classes - 1, "."));
      }
      sums[static_cast<std::size_t>(y)] += table.weights ? table.weights[row] : 1.0;
    }
  });
  std::vector<double> totals(n_classes);
  double all = 0;
  for (std::size_t i = 0; i < partial.size(); ++i) {
    totals[i % n_classes] += partial[i];
    all += partial[i];
  }
  std::vector<double> scores;
  for (const double total : totals) {
    scores.push_back(std::log(all > 0 ? std::max(total / all, kLeastShare) : 1.0 / static_cast<double>(n_classes)));
  }
  return scores;
}

}  // namespace curvature
