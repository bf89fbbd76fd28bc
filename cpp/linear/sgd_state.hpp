// What a fit by stochastic gradient descent goes on from.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "base/errors.hpp"
#include "linear/problem.hpp"

namespace curvature {

/// Arrays hold a number a weight: K outputs over p columns, then K intercepts; or they are empty.
struct SgdState {
  std::size_t n_outputs = 0;
  std::size_t n_columns = 0;
  std::vector<double> weights;
  std::vector<double> first;  // the optimizer's memory
  std::vector<double> second;
  std::vector<double> average;                                  // of the weights after the steps since the second epoch
  std::int64_t averaged = 0;                                    // how many
  std::vector<double> best;                                     // where the loss of the hold-out was least
  double best_value = std::numeric_limits<double>::infinity();  // least loss of the hold-out, or objective of an epoch
  std::int64_t epochs_without_progress = 0;
  std::int64_t steps = 0;
  std::int64_t epochs = 0;
  double rate_factor = 1;     // below 1 where a rate was too high
  double plateau_factor = 1;  // below 1 after a plateau
  bool stopped = false;       // by the hold-out

  [[nodiscard]] bool is_empty() const { return weights.empty(); }
  [[nodiscard]] std::size_t n_weights() const { return n_outputs * n_columns; }
  /// Where the fit stands: the average of the weights if there is one.
  [[nodiscard]] const std::vector<double>& now() const { return averaged > 0 ? average : weights; }

  /// Throws InputError unless the sizes fit together.
  void check() const {
    const std::size_t n = is_empty() ? 0 : n_weights() + n_outputs;
    for (const std::vector<double>* numbers : {&weights, &first, &second, &average, &best}) {
      if (!numbers->empty() && numbers->size() != n) {
        throw InputError(sentence("state has an array of ", numbers->size(), " numbers where ", n, " are allowed."));
      }
    }
    if (averaged > 0 && average.empty() && n > 0) throw InputError("state has averaged steps, but no 'average'.");
    if (steps < 0 || epochs < 0 || averaged < 0) throw InputError("state has a count below 0.");
  }

  void start_at(const Coefficients& from) {
    *this = SgdState{};
    n_outputs = from.n_outputs();
    n_columns = from.n_columns;
    weights = from.weights;
    weights.insert(weights.end(), from.intercepts.begin(), from.intercepts.end());
  }

  [[nodiscard]] Coefficients coefficients() const {
    const std::vector<double>& from = best.empty() ? now() : best;
    Coefficients found(n_outputs, n_columns);
    if (is_empty()) return found;
    const auto intercepts = from.begin() + static_cast<std::ptrdiff_t>(n_weights());
    found.weights.assign(from.begin(), intercepts);
    found.intercepts.assign(intercepts, from.end());
    return found;
  }
};

}  // namespace curvature
