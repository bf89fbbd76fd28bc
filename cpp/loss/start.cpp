#include "loss/start.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/errors.hpp"
#include "base/threads.hpp"
#include "loss/quantile.hpp"

namespace curvature {
namespace {

constexpr std::size_t kTask = 4096;  // rows a partial sum
constexpr std::size_t kBlock = 512;  // rows that stay in L1
constexpr int kPasses = 60;          // over all rows, an output
constexpr int kSweeps = 20;
constexpr double kClose = 1e-12;  // relative error of a start score that is good enough

struct Totals {
  double value = 0;
  double value_size = 0;  // sum of w |l|
  double slope = 0;
  double slope_size = 0;  // sum of w |dl/df|
  double bend = 0;
  double weight = 0;

  void add(const Totals& other) {
    value += other.value;
    value_size += other.value_size;
    slope += other.slope;
    slope_size += other.slope_size;
    bend += other.bend;
    weight += other.weight;
  }
  [[nodiscard]] bool finite() const { return std::isfinite(value) && std::isfinite(slope) && std::isfinite(bend); }
};

// The derivatives of up to kBlock rows whose scores are all the same.
class ConstantScores {
 public:
  ConstantScores(const Loss& loss, const std::vector<double>& scores)
      : loss_(loss), memory_((3 * scores.size() + 1) * kBlock), columns_(loss.info().n_columns) {
    for (std::size_t k = 0; k < scores.size(); ++k) {
      double* own = memory_.data() + 3 * k * kBlock;
      std::fill_n(own, kBlock, scores[k]);
      scores_.push_back(own);
      gradients_.push_back(own + kBlock);
      hessians_.push_back(own + 2 * kBlock);
    }
    values_ = memory_.data() + 3 * scores.size() * kBlock;
  }
  void evaluate(const LossTable& table, std::size_t begin, std::size_t n) {
    for (std::size_t c = 0; c < columns_.size(); ++c) columns_[c] = table.columns[c] + begin;
    const LossRows rows{columns_.data(), scores_.data(), 0, n};
    if (loss_.info().has_values) loss_.values(rows, values_);
    loss_.derivatives(rows, gradients_.data(), hessians_.data());
  }
  [[nodiscard]] double value(std::size_t row) const { return values_[row]; }
  [[nodiscard]] double gradient(std::size_t output, std::size_t row) const { return gradients_[output][row]; }
  [[nodiscard]] double hessian(std::size_t output, std::size_t row) const { return hessians_[output][row]; }

 private:
  const Loss& loss_;
  std::vector<double> memory_;
  std::vector<const double*> columns_;
  std::vector<const double*> scores_;
  std::vector<double*> gradients_;
  std::vector<double*> hessians_;
  double* values_ = nullptr;
};

double weight_of(const LossTable& table, std::size_t row) { return table.weights ? table.weights[row] : 1.0; }

// The weighted loss of all rows as a function of the scores that they share.
class TotalLoss {
 public:
  TotalLoss(const Loss& loss, const LossTable& table, int threads) : loss_(loss), table_(table), threads_(threads) {}

  [[nodiscard]] Totals at(const std::vector<double>& scores, std::size_t output) const {
    std::vector<Totals> partial((table_.n_rows + kTask - 1) / kTask);
    parallel_ranges(table_.n_rows, kTask, threads_, [&](std::size_t begin, std::size_t end, int) {
      ConstantScores block(loss_, scores);
      Totals& sum = partial[begin / kTask];
      for (std::size_t first = begin; first < end; first += kBlock) {
        const std::size_t n = std::min(kBlock, end - first);
        block.evaluate(table_, first, n);
        for (std::size_t i = 0; i < n; ++i) {
          const double w = weight_of(table_, first + i);
          if (!(w > 0)) continue;
          const double value = w * block.value(i);
          const double slope = w * block.gradient(output, i);
          sum.add({value, std::abs(value), slope, std::abs(slope), w * block.hessian(output, i), w});
        }
      }
    });
    Totals total;
    for (const Totals& sum : partial) total.add(sum);
    return total;
  }

  // Names the first row to blame for a total that is not finite.
  [[nodiscard]] InputError not_finite(const std::vector<double>& scores) const {
    ConstantScores block(loss_, scores);
    for (std::size_t row = 0; row < table_.n_rows; ++row) {
      if (!(weight_of(table_, row) > 0)) continue;
      block.evaluate(table_, row, 1);
      bool finite = std::isfinite(block.value(0));
      for (std::size_t k = 0; k < scores.size(); ++k) {
        finite = finite && std::isfinite(block.gradient(k, 0)) && std::isfinite(block.hessian(k, 0));
      }
      if (!finite) {
        return InputError(sentence("The loss is not finite at the start value ", scores[0], " in row ", row,
                                   ", where y=", table_.columns[0][row],
                                   ": value and derivatives must be finite there."));
      }
    }
    return InputError(sentence("The loss is not finite at the start value ", scores[0],
                               " when summed over all rows: bring y or the weights to a smaller unit."));
  }

 private:
  const Loss& loss_;
  const LossTable& table_;
  int threads_;
};

// A descent along one score. `near_` is a point with a slope towards `far_`, and far_ one beyond a minimum.
class Descent {
 public:
  Descent(const TotalLoss& loss, std::vector<double>& scores, std::size_t output, const Totals& at_guess)
      : loss_(loss), scores_(scores), output_(output), near_{scores[output], at_guess}, last_(near_) {}

  void run() {
    const double first_slope = std::abs(near_.totals.slope);
    const double flat = kClose * std::min(first_slope, near_.totals.weight);
    for (int pass = 0; pass < kPasses && !at_rest(last_.totals); ++pass) {
      if (!bracketed_ && std::abs(near_.totals.slope) <= flat) break;  // a minimum at infinity
      const double next = bracketed_ ? step_inside() : step_beyond();
      if (std::abs(next - last_.score) <= kClose * std::abs(next) || next == near_.score) break;
      step_ = next - last_.score;
      scores_[output_] = next;
      last_ = {next, loss_.at(scores_, output_)};
      if (is_beyond(last_.totals)) {
        far_ = next;
        bracketed_ = true;
      } else {
        near_ = last_;
      }
    }
    // A last point that is clearly higher, or not finite, is no minimum.
    scores_[output_] = is_higher(last_.totals) ? near_.score : last_.score;
  }

 private:
  struct Point {
    double score;
    Totals totals;
  };

  static bool at_rest(const Totals& totals) {
    return std::abs(totals.slope) <= 4 * std::numeric_limits<double>::epsilon() * totals.slope_size;
  }
  // More than rounding could make it.
  [[nodiscard]] bool is_higher(const Totals& totals) const {
    constexpr double kRounding = 1e-10;
    return !totals.finite() || totals.value > near_.totals.value + kRounding * near_.totals.value_size;
  }
  [[nodiscard]] bool is_beyond(const Totals& totals) const {
    return is_higher(totals) || (totals.slope < 0) != (near_.totals.slope < 0);
  }
  // The length of Newton's step; 0 where the curve bends the wrong way, or not at all.
  static double newton(const Totals& totals) {
    const double step = totals.finite() && totals.bend > 0 ? -totals.slope / totals.bend : 0;
    return std::isfinite(step) ? step : 0;
  }
  double step_beyond() {
    reach_ = reach_ > 0 ? 4 * reach_ : 16 * std::max(1.0, std::abs(near_.score));
    const double full = std::abs(newton(near_.totals));
    const double length = full > 0 ? std::min(full, reach_) : reach_ / 16;
    return near_.score + (near_.totals.slope < 0 ? length : -length);
  }
  // Newton's step where it stays inside and shortens at least by half; else the middle.
  double step_inside() {
    const double step = newton(last_.totals);
    const double next = last_.score + step;
    const bool inside = (next > near_.score) != (next >= far_) && next != far_;
    if (step != 0 && inside && std::abs(step) <= 0.5 * std::abs(step_)) return next;
    const double middle = 0.5 * near_.score + 0.5 * far_;
    const bool apart = std::abs(far_ - near_.score) > kClose * std::max(std::abs(far_), std::abs(near_.score));
    return apart ? middle : last_.score;
  }

  const TotalLoss& loss_;
  std::vector<double>& scores_;
  std::size_t output_;
  Point near_;
  Point last_;
  double far_ = 0;
  bool bracketed_ = false;
  double reach_ = 0;  // the longest step that may be taken next
  double step_ = 0;   // the last one taken
};

}  // namespace

double weighted_mean(const double* y, const LossTable& table, int threads) {
  struct Sum {
    double total = 0;
    double weight = 0;
  };
  std::vector<Sum> partial((table.n_rows + kTask - 1) / kTask);
  parallel_ranges(table.n_rows, kTask, threads, [&](std::size_t begin, std::size_t end, int) {
    Sum sum;
    for (std::size_t row = begin; row < end; ++row) {
      const double w = weight_of(table, row);
      sum.total += w * y[row];
      sum.weight += w;
    }
    partial[begin / kTask] = sum;
  });
  Sum all;
  for (const Sum& sum : partial) {
    all.total += sum.total;
    all.weight += sum.weight;
  }
  return all.weight > 0 ? all.total / all.weight : 0;
}

double start_quantile(const LossTable& table, double level, double width) {
  std::vector<double> y(table.columns[0], table.columns[0] + table.n_rows);
  std::vector<double> weights;
  if (table.weights) weights.assign(table.weights, table.weights + table.n_rows);
  return weighted_quantile(y.data(), table.weights ? weights.data() : nullptr, table.n_rows, level, width);
}

std::vector<double> search_start(const Loss& loss, const LossTable& table, std::vector<double> guess, int threads) {
  const TotalLoss total(loss, table, threads);
  std::vector<double> scores = guess;
  double value_at_guess = 0;
  double value = 0;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    bool moved = false;
    for (std::size_t output = 0; output < scores.size(); ++output) {
      const double before = scores[output];
      const Totals totals = total.at(scores, output);
      if (sweep == 0 && output == 0) value_at_guess = totals.value;
      if (!totals.finite()) throw total.not_finite(scores);
      Descent(total, scores, output, totals).run();
      moved = moved || std::abs(scores[output] - before) > 1e-10 * std::max(1.0, std::abs(before));
    }
    if (!moved || scores.size() == 1) break;
  }
  value = total.at(scores, 0).value;
  return value <= value_at_guess ? scores : guess;
}

std::vector<double> Loss::start_scores(const LossTable& table, int threads) const {
  std::vector<double> guess(info_.n_outputs);
  if (info_.of_residual) guess[0] = start_quantile(table, 0.5, 0);
  return search_start(*this, table, std::move(guess), threads);
}

}  // namespace curvature
