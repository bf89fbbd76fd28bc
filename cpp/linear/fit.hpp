// A linear model fitted by the solver that was asked for, or by the one that suits the data.
#pragma once

#include <functional>
#include <vector>

#include "linear/parameters.hpp"
#include "linear/problem.hpp"

namespace curvature {

/// Beside design, target and loss; all is the caller's.
struct LinearExtras {
  std::vector<double> penalty_factors;  // none, or a factor of the penalty a column
  std::vector<double> lower;            // none, or a bound a column
  std::vector<double> upper;
  std::vector<const double*> offsets;  // none, or a column an output
  const Coefficients* start = nullptr;
};

struct FittedLinear {
  LinearFit fit;
  LinearSolver solver = LinearSolver::automatic;  // the one that ran
};

/// Throws InputError for a bad parameter, target or extra, and for a solver that cannot do what is asked, before any
/// work. `params.solver` is not sgd.
[[nodiscard]] FittedLinear fit_linear(const Design& design, const LossTable& target, Loss& loss,
                                      const LinearParams& params, const LinearExtras& extras,
                                      const std::function<void()>& look_for_signals);

/// The problem that `extras` and `params` describe, checked.
[[nodiscard]] LinearProblem linear_problem(const Design& design, const LossTable& target, Loss& loss,
                                           const LinearParams& params, const LinearExtras& extras);

}  // namespace curvature
