// The quadratic model of F at some coefficients: what Newton's method minimises in each step.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "linear/cholesky.hpp"
#include "linear/objective.hpp"

namespace curvature {

/// In the weights of columns less their centers, and the intercept: of each output one after the other. Curvatures are
/// those of the loss, the mixed ones of several outputs among them if they are exact.
class QuadraticModel {
 public:
  explicit QuadraticModel(const Objective& objective);

  /// Fills scores, sums and the factor: one pass over the design, n p^2 / 2 multiply-adds a pair of outputs.
  void build(const Coefficients& at, Curvature which);
  /// F without L1.
  [[nodiscard]] double value() const { return value_; }
  [[nodiscard]] const RowColumns& scores() const { return f_; }
  /// To the model's minimum.
  [[nodiscard]] Coefficients step() const;
  /// Twice what the model's minimum lies below its start.
  [[nodiscard]] double decrement() const { return factor_->inverse_form(gradient_.data()); }
  /// Whether some coefficients are left out of the step: their columns depend on others, or they have no curvature.
  [[nodiscard]] bool is_singular() const { return factor_->n_dropped() > 0; }

 private:
  // Sums of a part of the rows, one after the other: the loss, the gradient, and of each pair of outputs k >= l the
  // sums of h x, of h, and of h (x - center) (x - center)^T.
  struct Layout {
    std::size_t p;
    std::size_t n_outputs;
    std::size_t gram;  // p^2, or 0 where it is made apart
    [[nodiscard]] std::size_t gradient(std::size_t output) const { return 1 + output * (p + 1); }
    [[nodiscard]] std::size_t pair(std::size_t k, std::size_t l) const {
      return gradient(n_outputs) + (k * (k + 1) / 2 + l) * (p + 1 + gram);
    }
    [[nodiscard]] std::size_t size() const { return pair(n_outputs, 0); }
  };

  [[nodiscard]] Layout layout() const;
  // Curvatures of the rows for outputs k >= l; null where they are taken as 0.
  [[nodiscard]] const double* curvatures(std::size_t k, std::size_t l) const;
  void sum_rows(const Coefficients& at, Curvature which, double* sums);
  void place_pair(const double* sums, std::size_t k, std::size_t l, double* matrix) const;
  void hold_shifts(double* matrix) const;
  [[nodiscard]] std::size_t size() const { return f_.n_outputs() * width_; }

  const Objective& objective_;
  std::size_t p_;
  std::size_t width_;  // parameters an output
  std::vector<double> centers_;
  RowColumns f_;
  RowColumns g_;
  RowColumns h_;
  RowColumns mixed_;
  bool has_mixed_ = false;  // in the model as it stands
  double value_ = 0;
  std::vector<double> gradient_;
  std::optional<Cholesky> factor_;
};

}  // namespace curvature
