// What every solver of linear models is given, and what it answers.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "data/design.hpp"
#include "loss/loss.hpp"

namespace curvature {

/// Weights of K outputs over p columns, and an intercept each: f_ik = x_i . weights[k] + intercepts[k].
struct Coefficients {
  Coefficients(std::size_t outputs, std::size_t columns)
      : n_columns(columns), weights(outputs * columns), intercepts(outputs) {}

  [[nodiscard]] std::size_t n_outputs() const { return intercepts.size(); }
  [[nodiscard]] double* of(std::size_t output) { return weights.data() + output * n_columns; }
  [[nodiscard]] const double* of(std::size_t output) const { return weights.data() + output * n_columns; }

  /// += length * step
  void move(const Coefficients& step, double length) {
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i] += length * step.weights[i];
    for (std::size_t k = 0; k < intercepts.size(); ++k) intercepts[k] += length * step.intercepts[k];
  }

  std::size_t n_columns;
  std::vector<double> weights;  // row after row, one an output
  std::vector<double> intercepts;
};

/// To be minimised, with W the sum of the rows' weights w_i:
///   F = sum of w_i l(y_i, f_i) / W + sum over outputs k and columns j of (l1_j |b_kj| + l2_j / 2 b_kj^2),
///   f_ik = x_i . b_k + intercept_k + offset_ik,   lower_j <= b_kj <= upper_j.
/// All that it points to is the caller's.
struct LinearProblem {
  const Design& design;
  const LossTable& target;
  Loss& loss;
  std::vector<const double*> offsets;  // none, or a column an output
  std::vector<double> l1;              // a number a column
  std::vector<double> l2;
  std::vector<double> lower;  // none, or a number a column; at most 0
  std::vector<double> upper;  // none, or a number a column; at least 0
  bool fit_intercept = true;
  int threads = 1;
  std::function<void()> look_for_signals = {};  // called between steps; may throw

  [[nodiscard]] std::size_t n_outputs() const { return loss.info().n_outputs; }
  [[nodiscard]] double weight(std::size_t row) const { return target.weights ? target.weights[row] : 1.0; }
  [[nodiscard]] bool is_bounded() const { return !lower.empty(); }
};

/// A solver stops where its bound on (F - least F) / |F| is at most `tol`, or after `max_iter` iterations; tol = 0:
/// after max_iter, or where F cannot be told to fall any more.
struct Stopping {
  double tol = 1e-8;
  int max_iter = 1000;
};

struct LinearFit {
  Coefficients coefficients;
  double objective = 0;                                   // F
  double gap = std::numeric_limits<double>::quiet_NaN();  // the bound on (F - least F) / |F| that was reached
  int n_iter = 0;
  bool converged = false;
  std::string advice = {};  // where it did not converge: what to change, a clause
};

}  // namespace curvature
