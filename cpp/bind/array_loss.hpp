// A loss whose derivatives a Python function computes, once a round, from the scores of all rows.
#pragma once

#include <vector>

#include <pybind11/pybind11.h>

#include "loss/loss.hpp"

namespace curvature {

/// `function(scores)` gets a new float64 array (outputs, rows) and returns gradients and Hessians of that shape. It is
/// called with the GIL, which the thread that calls `prepare` must not hold.
class ArrayLoss final : public Loss {
 public:
  /// Throws InputError unless `function` can be called and there is an output.
  ArrayLoss(pybind11::object function, std::size_t n_outputs);
  ~ArrayLoss() override;
  ArrayLoss(const ArrayLoss&) = delete;
  ArrayLoss& operator=(const ArrayLoss&) = delete;

  /// Throws InputError where what was returned has another shape, a value that is not finite, or a Hessian below 0.
  void prepare(const double* const* scores, std::size_t n_rows) override;
  /// There are none: throws InputError.
  void values(const LossRows& rows, double* out) const override;
  void derivatives(const LossRows& rows, double* const* gradients, double* const* hessians) const override;
  /// 0: nothing is known of the loss without its scores.
  [[nodiscard]] std::vector<double> start_scores(const LossTable& table, int threads) const override;

 private:
  pybind11::object function_;
  std::size_t n_rows_ = 0;
  std::vector<double> gradients_;  // output by output
  std::vector<double> hessians_;
};

}  // namespace curvature
