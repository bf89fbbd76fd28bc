// The objective of a linear model, and passes over its rows; sums are of fixed stretches of rows, added in order.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "base/threads.hpp"
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
  unit,   // 1
};

class Objective {
 public:
  /// The problem is the caller's and must outlive this.
  explicit Objective(const LinearProblem& problem);

  [[nodiscard]] const LinearProblem& problem() const { return problem_; }
  [[nodiscard]] double total_weight() const { return total_weight_; }

  /// f of every row; one product with the design.
  void scores(const Coefficients& at, RowColumns& f) const;
  /// The same for rows [begin, end) on this thread.
  void block_scores(const Coefficients& at, std::size_t begin, std::size_t end, RowColumns& f) const;
  /// change of f along a direction: no offset.
  void score_changes(const Coefficients& direction, RowColumns& change) const;

  /// sum of w l / W at scores f, the penalty apart. Infinite where it is no number. Needs a loss that has values.
  [[nodiscard]] double mean_loss(const RowColumns& f) const;
  /// The same at f + step * change, and its derivative by `step`. Of a loss without values the derivative alone.
  struct Along {
    double value = 0;
    double slope = 0;
  };
  [[nodiscard]] Along mean_loss_along(const RowColumns& f, const RowColumns& change, double step) const;
  void block_changes(const Coefficients& direction, std::size_t begin, std::size_t end, RowColumns& change) const;
  /// w g / W and w h / W of every row; returns sum of w l / W (0 of a loss without values).
  double row_derivatives(const RowColumns& f, Curvature which, RowColumns& g, RowColumns& h) const;
  /// The same for rows [begin, end) on this thread, after `prepare_loss`; returns their share of sum of w l / W.
  double block_derivatives(const RowColumns& f, std::size_t begin, std::size_t end, Curvature which, RowColumns& g,
                           RowColumns& h) const;
  /// w d2l/df_k df_l / W of rows [begin, end), a column for each pair of outputs l < k, on this thread.
  void block_mixed_derivatives(const RowColumns& f, std::size_t begin, std::size_t end, RowColumns& mixed) const;
  /// For losses without values, which look at all scores before any derivatives.
  void prepare_loss(const RowColumns& f) const;
  /// The slopes of the loss by the coefficients: X^T g, and the sum of g. The penalty apart.
  void loss_gradient(const RowColumns& g, Coefficients& gradient) const;

  /// The share of rows [begin, end) in the slopes of one output: adds to p weights and the intercept behind them.
  void add_block_gradient(const RowColumns& g, std::size_t output, std::size_t begin, std::size_t end,
                          double* out) const;

  /// sum of l1 |b| + l2 / 2 b^2.
  [[nodiscard]] double penalty(const Coefficients& at) const;
  /// F; one product with the design.
  [[nodiscard]] double value(const Coefficients& at) const;
  /// Slope and half the bend of the L2 penalty along a direction.
  struct Parabola {
    double slope = 0;
    double half_bend = 0;
  };
  [[nodiscard]] Parabola ridge_along(const Coefficients& at, const Coefficients& direction) const;

  /// Calls visit(part, begin, end) for `n_parts` fixed stretches of rows, in parallel.
  template <class Visit>
  void for_each_part(Visit&& visit) const {
    const std::size_t n_rows = problem_.design.n_rows();
    parallel_for(n_parts_, problem_.threads, [&](std::size_t part, int) {
      visit(part, std::min(n_rows, part * part_rows_), std::min(n_rows, (part + 1) * part_rows_));
    });
  }
  /// Calls visit(part, begin, end) for blocks of rows within the parts, those of a part in order.
  template <class Visit>
  void for_each_block(Visit&& visit) const {
    for_each_part([&](std::size_t part, std::size_t begin, std::size_t end) {
      for (std::size_t first = begin; first < end; first += block_rows_) {
        visit(part, first, std::min(end, first + block_rows_));
      }
    });
  }
  [[nodiscard]] std::size_t n_parts() const { return n_parts_; }
  [[nodiscard]] std::size_t block_rows() const { return block_rows_; }

 private:
  const LinearProblem& problem_;
  double total_weight_ = 0;
  std::size_t block_rows_ = 1;
  std::size_t part_rows_ = 1;
  std::size_t n_parts_ = 1;
};

/// Whether the slopes of each row add up to 0, up to rounding: the loss does not change when all scores of a row grow
/// by the same, as that of softmax.
[[nodiscard]] bool slopes_cancel(const RowColumns& g);

/// Sums of `size` numbers a part, added up part after part.
class PartialSums {
 public:
  PartialSums(std::size_t n_parts, std::size_t size) : size_(size), sums_(n_parts * size, 0.0) {}
  [[nodiscard]] double* of(std::size_t part) { return sums_.data() + part * size_; }
  /// out[i] = the sum over all parts.
  void add_up(double* out) const;

 private:
  std::size_t size_;
  AlignedBuffer<double> sums_;
};

}  // namespace curvature
