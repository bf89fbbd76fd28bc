// The objective of a linear model, and passes over its rows; sums are of fixed stretches of rows, added in order.
#pragma once

#include <cstddef>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "linear/problem.hpp"

namespace curvature {

/// A number a row and output, output after output.
class RowColumns {
 public:
  RowColumns(std::size_t n_outputs, std::size_t n_rows)
      : n_outputs_(n_outputs), n_rows_(n_rows), numbers_(n_outputs * n_rows, 0.0) {}

  [[nodiscard]] std::size_t n_outputs() const { return n_outputs_; }
  [[nodiscard]] std::size_t n_rows() const { return n_rows_; }
  [[nodiscard]] double* of(std::size_t output) { return numbers_.data() + output * n_rows_; }
  [[nodiscard]] const double* of(std::size_t output) const { return numbers_.data() + output * n_rows_; }

 private:
  std::size_t n_outputs_;
  std::size_t n_rows_;
  AlignedBuffer<double> numbers_;
};

enum class Curvature {
  exact,  // the Hessian of the loss, negative ones as 0
  safe,   // that of Loss::steps
};

class Objective {
 public:
  explicit Objective(const LinearProblem& problem);

  [[nodiscard]] const LinearProblem& problem() const { return problem_; }
  [[nodiscard]] double total_weight() const { return total_weight_; }

  /// f of every row; one product with the design.
  void scores(const Coefficients& at, RowColumns& f) const;
  /// change of f along a direction: no offset.
  void score_changes(const Coefficients& direction, RowColumns& change) const;

  /// sum of w l / W at scores f; the penalty apart. Infinite where it is no number.
  [[nodiscard]] double mean_loss(const RowColumns& f) const;
  /// The same at f + step * change, and its derivative by `step`.
  struct Along {
    double value = 0;
    double slope = 0;
  };
  [[nodiscard]] Along mean_loss_along(const RowColumns& f, const RowColumns& change, double step) const;
  /// w g / W and w h / W of every row; returns sum of w l / W.
  double row_derivatives(const RowColumns& f, Curvature which, RowColumns& g, RowColumns& h) const;
  /// Their slopes by the coefficients, without the penalty: X^T g, and sum of g.
  void loss_gradient(const RowColumns& g, Coefficients& gradient) const;

  /// sum of l1 |b| + l2 / 2 b^2.
  [[nodiscard]] double penalty(const Coefficients& at) const;

  /// Calls visit(part, begin, end, worker) for fixed stretches of rows, at most 16, in parallel.
  template <class Visit>
  void for_each_part(Visit&& visit) const;
  [[nodiscard]] std::size_t n_parts() const { return n_parts_; }

 private:
  const LinearProblem& problem_;
  double total_weight_ = 0;
  std::size_t n_parts_ = 1;
};

}  // namespace curvature
