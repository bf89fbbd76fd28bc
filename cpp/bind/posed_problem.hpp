// A call's arguments as the problem of a linear model.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "bind/array.hpp"
#include "linear/fit.hpp"

namespace curvature {

using Factors = std::optional<std::vector<double>>;
using Start = std::pair<DoubleArray, DoubleArray>;  // weights and intercepts

/// Factors of the penalty, and an offset for each score. Throws InputError where lengths or numbers differ.
[[nodiscard]] LinearExtras linear_extras(const Factors& penalty_factors, const std::vector<DoubleArray>& offsets,
                                         const Loss& loss, std::size_t n_rows);

/// Throws InputError unless there are as many as the outputs and columns need.
[[nodiscard]] Coefficients coefficients_of(const Start& start, std::size_t n_outputs, std::size_t n_columns);

/// All threads are at its disposal. The arrays and the loss must outlive it.
class PosedProblem {
 public:
  PosedProblem(const pybind11::object& X, const std::vector<DoubleArray>& columns,
               const std::optional<DoubleArray>& weights, Loss& loss, const LinearParams& params,
               const Factors& penalty_factors, const std::vector<DoubleArray>& offsets);
  PosedProblem(const PosedProblem&) = delete;
  PosedProblem& operator=(const PosedProblem&) = delete;

  [[nodiscard]] const LinearProblem& problem() const { return problem_; }

 private:
  Design design_;
  LossTable target_;
  LinearProblem problem_;
};

}  // namespace curvature
