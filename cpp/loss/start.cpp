#include "loss/start.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/errors.hpp"
#include "base/threads.hpp"
#include "loss/quantile.hpp"
#include "loss/total_loss.hpp"

namespace curvature {
namespace {

constexpr std::size_t kTask = 4096;  // rows a partial sum
constexpr int kPasses = 60;          // over all rows, an output
constexpr int kSweeps = 20;
constexpr double kClose = 1e-12;  // relative error of a start score that is good enough

// The weighted mean of number(row). A row of weight 0 adds nothing, whatever its number.
template <class Number>
double mean_over(const LossTable& table, int threads, const Number& number) {
  struct Sum {
    double total = 0;
    double weight = 0;
  };
  std::vector<Sum> partial((table.n_rows + kTask - 1) / kTask);
  parallel_ranges(table.n_rows, kTask, threads, [&](std::size_t begin, std::size_t end, int) {
    Sum sum;
    for (std::size_t row = begin; row < end; ++row) {
      const double w = table.weights ? table.weights[row] : 1.0;
      if (!(w > 0)) continue;
      sum.total += w * number(row);
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

// A descent along one score. `near_` is a point with a slope towards `far_`, and far_ one beyond a minimum.
class Descent {
 public:
  Descent(const TotalLoss& loss, std::vector<double>& scores, std::size_t output, const Totals& at_guess)
      : loss_(loss), scores_(scores), output_(output), first_{scores[output], at_guess}, near_(first_), last_(first_) {}

  void run() {
    const double flat = kClose * std::min(std::abs(first_.totals.slope), first_.totals.weight);
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
        rises_ = rises_ || last_.totals.finite();
      } else {
        near_ = last_;
      }
    }
    // A last point that is clearly higher, or not finite, is no minimum.
    if (is_higher(last_.totals)) last_ = near_;
    scores_[output_] = last_.score;
    if (is_endless()) {
      throw InputError(sentence("The loss falls without end: at the score ", first_.score, " for all rows it is ",
                                first_.totals.value, ", at ", last_.score, " it is ", last_.totals.value,
                                " and still falling", scores_.size() > 1 ? sentence(" (output ", output_, ")") : "",
                                ": check its sign, or bound it."));
    }
  }

 private:
  struct Point {
    double score;
    Totals totals;
  };

  static bool at_rest(const Totals& totals) {
    return totals.finite() && std::abs(totals.slope) <= 4 * std::numeric_limits<double>::epsilon() * totals.slope_size;
  }
  // Whether the way led far out, or to where the loss is no number, and the slope there promises as much again. Towards
  // a least value at infinity the slope fades faster than the way grows; and what is never below 0 has no end to miss.
  [[nodiscard]] bool is_endless() const {
    constexpr double kFar = 1e3;
    constexpr double kPromise = 1e-3;
    const double way = std::abs(last_.score - first_.score);
    const bool is_far = bracketed_ || way > kFar * std::max(1.0, std::abs(first_.score));
    const double fallen = first_.totals.value - last_.totals.value;
    return !rises_ && is_far && fallen > first_.totals.value_size &&
           std::abs(last_.totals.slope) * way > kPromise * fallen;
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
  Point first_;
  Point near_;
  Point last_;
  double far_ = 0;
  bool bracketed_ = false;
  bool rises_ = false;  // a finite point beyond a minimum was seen
  double reach_ = 0;    // the longest step that may be taken next
  double step_ = 0;     // the last one taken
};

}  // namespace

double weighted_mean(const double* y, const LossTable& table, int threads) {
  return mean_over(table, threads, [=](std::size_t row) { return y[row]; });
}

double level_of_offset(const LossTable& table, std::size_t output, Link link, int threads) {
  if (table.offsets.empty()) return 0;
  const double* const offset = table.offsets[output];
  if (link != Link::log) return weighted_mean(offset, table, threads);
  double most = -std::numeric_limits<double>::infinity();  // so that no exponential overflows
  for (std::size_t row = 0; row < table.n_rows; ++row) {
    if (!table.weights || table.weights[row] > 0) most = std::max(most, offset[row]);
  }
  const double mean = mean_over(table, threads, [=](std::size_t row) { return std::exp(offset[row] - most); });
  return most + std::log(mean);
}

double weight_of_absent(const LossTable& table, const std::vector<double>& class_weights) {
  double rarest = std::numeric_limits<double>::infinity();
  for (const double weight : class_weights) {
    if (weight > 0) rarest = std::min(rarest, weight);
  }
  return std::min(table.absent_weight, rarest / 2);
}

double start_quantile(const LossTable& table, double level, double width) {
  std::vector<double> y(table.columns[0], table.columns[0] + table.n_rows);
  if (!table.offsets.empty()) {
    for (std::size_t row = 0; row < table.n_rows; ++row) y[row] -= table.offsets[0][row];
  }
  std::vector<double> weights;
  if (table.weights) weights.assign(table.weights, table.weights + table.n_rows);
  return weighted_quantile(y.data(), table.weights ? weights.data() : nullptr, table.n_rows, level, width);
}

std::vector<double> search_start(const Loss& loss, const LossTable& table, std::vector<double> guess, int threads) {
  const TotalLoss total(loss, table, threads);
  std::vector<double> scores = guess;
  const double value_at_guess = total.at(guess, 0).value;
  constexpr std::size_t kMany = 4;
  if (scores.size() >= kMany && descend_jointly(total, scores)) return scores;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    bool moved = false;
    for (std::size_t output = 0; output < scores.size(); ++output) {
      const double before = scores[output];
      const Totals totals = total.at(scores, output);
      if (!totals.finite()) throw total.not_finite(scores);
      Descent(total, scores, output, totals).run();
      moved = moved || std::abs(scores[output] - before) > 1e-10 * std::max(1.0, std::abs(before));
    }
    if (!moved || scores.size() == 1) break;
  }
  return total.at(scores, 0).value <= value_at_guess ? scores : guess;
}

std::vector<double> Loss::start_scores(const LossTable& table, int threads) const {
  std::vector<double> guess(info_.n_outputs);
  for (std::size_t k = 0; k < guess.size() && !table.offsets.empty(); ++k) {
    guess[k] = -level_of_offset(table, k, info_.link, threads);
  }
  if (info_.of_residual) guess[0] = start_quantile(table, 0.5, 0);
  return search_start(*this, table, std::move(guess), threads);
}

}  // namespace curvature
