#include "loss/total_loss.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/threads.hpp"

namespace curvature {
namespace {

constexpr std::size_t kTask = 4096;  // rows a partial sum
constexpr std::size_t kBlock = 512;  // rows that stay in L1

// The derivatives of up to kBlock rows whose scores are all the same, but for their offsets.
class ConstantScores {
 public:
  ConstantScores(const Loss& loss, const std::vector<double>& scores)
      : loss_(loss), start_(scores), memory_((3 * scores.size() + 1) * kBlock), columns_(loss.info().n_columns) {
    for (std::size_t k = 0; k < scores.size(); ++k) {
      double* own = memory_.data() + 3 * k * kBlock;
      std::fill_n(own, kBlock, scores[k]);
      own_scores_.push_back(own);
      scores_.push_back(own);
      gradients_.push_back(own + kBlock);
      hessians_.push_back(own + 2 * kBlock);
    }
    values_ = memory_.data() + 3 * scores.size() * kBlock;
  }
  void evaluate(const LossTable& table, std::size_t begin, std::size_t n) {
    for (std::size_t c = 0; c < columns_.size(); ++c) columns_[c] = table.columns[c] + begin;
    for (std::size_t k = 0; k < table.offsets.size(); ++k) {
      for (std::size_t i = 0; i < n; ++i) own_scores_[k][i] = start_[k] + table.offsets[k][begin + i];
    }
    const LossRows rows{columns_.data(), scores_.data(), 0, n};
    if (loss_.info().has_values) loss_.values(rows, values_);
    loss_.derivatives(rows, gradients_.data(), hessians_.data());
  }
  [[nodiscard]] double value(std::size_t row) const { return values_[row]; }
  [[nodiscard]] double gradient(std::size_t output, std::size_t row) const { return gradients_[output][row]; }
  [[nodiscard]] double hessian(std::size_t output, std::size_t row) const { return hessians_[output][row]; }

 private:
  const Loss& loss_;
  std::vector<double> start_;
  std::vector<double> memory_;
  std::vector<const double*> columns_;
  std::vector<double*> own_scores_;
  std::vector<const double*> scores_;
  std::vector<double*> gradients_;
  std::vector<double*> hessians_;
  double* values_ = nullptr;
};

double weight_of(const LossTable& table, std::size_t row) { return table.weights ? table.weights[row] : 1.0; }

// The first of several, which name the point well enough.
std::string listed(const std::vector<double>& scores) {
  constexpr std::size_t kShown = 4;
  std::string text = sentence(scores[0]);
  for (std::size_t k = 1; k < std::min(scores.size(), kShown); ++k) text += sentence(", ", scores[k]);
  return text + (scores.size() > kShown ? ", ..." : "");
}

}  // namespace

bool JointTotals::finite() const {
  const auto all = [](const std::vector<double>& of) {
    return std::all_of(of.begin(), of.end(), [](double x) { return std::isfinite(x); });
  };
  return std::isfinite(value) && all(slopes) && all(bends);
}

void JointTotals::add(const JointTotals& other) {
  value += other.value;
  value_size += other.value_size;
  for (std::size_t k = 0; k < slopes.size(); ++k) {
    slopes[k] += other.slopes[k];
    bends[k] += other.bends[k];
  }
}

// visit(sum, rows, row, weight) for every row of positive weight; the sums of fixed stretches are added in their order.
template <class Sum, class Visit>
Sum TotalLoss::summed(const std::vector<double>& scores, const Sum& nothing, Visit&& visit) const {
  std::vector<Sum> partial((table_.n_rows + kTask - 1) / kTask, nothing);
  parallel_ranges(table_.n_rows, kTask, threads_, [&](std::size_t begin, std::size_t end, int) {
    ConstantScores block(loss_, scores);
    for (std::size_t first = begin; first < end; first += kBlock) {
      const std::size_t n = std::min(kBlock, end - first);
      block.evaluate(table_, first, n);
      for (std::size_t i = 0; i < n; ++i) {
        const double w = weight_of(table_, first + i);
        if (w > 0) visit(partial[begin / kTask], block, i, w);
      }
    }
  });
  Sum total = nothing;
  for (const Sum& sum : partial) total.add(sum);
  return total;
}

Totals TotalLoss::at(const std::vector<double>& scores, std::size_t output) const {
  return summed(scores, Totals{}, [&](Totals& sum, const ConstantScores& block, std::size_t i, double w) {
    const double value = w * block.value(i);
    const double slope = w * block.gradient(output, i);
    sum.add({value, std::abs(value), slope, std::abs(slope), w * block.hessian(output, i), w});
  });
}

JointTotals TotalLoss::jointly_at(const std::vector<double>& scores) const {
  const JointTotals nothing{0, 0, std::vector<double>(scores.size()), std::vector<double>(scores.size())};
  return summed(scores, nothing, [&](JointTotals& sum, const ConstantScores& block, std::size_t i, double w) {
    sum.value += w * block.value(i);
    sum.value_size += w * std::abs(block.value(i));
    for (std::size_t k = 0; k < scores.size(); ++k) {
      sum.slopes[k] += w * block.gradient(k, i);
      sum.bends[k] += w * block.hessian(k, i);
    }
  });
}

InputError TotalLoss::not_finite(const std::vector<double>& scores) const {
  ConstantScores block(loss_, scores);
  for (std::size_t row = 0; row < table_.n_rows; ++row) {
    if (!(weight_of(table_, row) > 0)) continue;
    block.evaluate(table_, row, 1);
    bool finite = std::isfinite(block.value(0));
    for (std::size_t k = 0; k < scores.size(); ++k) {
      finite = finite && std::isfinite(block.gradient(k, 0)) && std::isfinite(block.hessian(k, 0));
    }
    if (!finite) {
      return InputError(sentence("The loss is not finite at the start value ", listed(scores), " in row ", row,
                                 ", where y=", table_.columns[0][row],
                                 ": value and derivatives must be finite there."));
    }
  }
  return InputError(sentence("The loss is not finite at the start value ", listed(scores),
                             " when summed over all rows: bring y or the weights to a smaller unit."));
}

}  // namespace curvature
