// Immutable coefficients of a linear model: checked once when made, then safe to use from any thread.
#pragma once

#include <cstddef>
#include <vector>

#include "data/design.hpp"

namespace curvature {

/// f_ik = x_i . weights[k] + intercepts[k], for K outputs over p columns.
class LinearModel {
 public:
  /// `weights`: p numbers an output, output after output. Throws ModelError unless the sizes agree and all is finite.
  LinearModel(std::size_t n_features, std::vector<double> weights, std::vector<double> intercepts);

  [[nodiscard]] std::size_t n_features() const { return n_features_; }
  [[nodiscard]] std::size_t n_outputs() const { return intercepts_.size(); }
  [[nodiscard]] const std::vector<double>& weights() const { return weights_; }
  [[nodiscard]] const std::vector<double>& intercepts() const { return intercepts_; }

  /// scores[i * n_outputs + k] += f_ik.
  void add_scores(const Design& design, double* scores, int threads) const;

 private:
  std::size_t n_features_;
  std::vector<double> weights_;
  std::vector<double> intercepts_;
};

}  // namespace curvature
