// What shapes a linear model beside its loss.
#pragma once

#include <cstdint>
#include <tuple>

#include "base/parameters.hpp"

namespace curvature {

enum class LinearSolver {
  automatic,
  newton,              // Newton's steps by a Cholesky factor of the Hessian
  newton_cg,           // Newton's steps by conjugate gradients
  lbfgs,               // limited memory, with a factor or a diagonal as preconditioner
  coordinate_descent,  // for L1 and bounds
  sgd,
};

/// As users write it.
[[nodiscard]] inline const char* name(LinearSolver solver) {
  switch (solver) {
    case LinearSolver::automatic:
      return "auto";
    case LinearSolver::newton:
      return "newton";
    case LinearSolver::newton_cg:
      return "newton_cg";
    case LinearSolver::lbfgs:
      return "lbfgs";
    case LinearSolver::coordinate_descent:
      return "cd";
    case LinearSolver::sgd:
      return "sgd";
  }
  return "";
}

struct LinearParams {
  double alpha = 1e-4;
  double l1_ratio = 0;
  std::int32_t max_iter = 1000;
  double tol = 1e-8;
  LinearSolver solver = LinearSolver::automatic;
  bool fit_intercept = true;
  std::uint64_t seed = 0;
  int n_jobs = -1;

  static constexpr auto fields() {
    return std::tuple{
        Field{"alpha", &LinearParams::alpha, at_least(0), "weight of the penalty"},
        Field{"l1_ratio", &LinearParams::l1_ratio, between(0, 1), "share of the L1 penalty"},
        Field{"max_iter", &LinearParams::max_iter, between(1, 1 << 30), "iterations (epochs of solver='sgd')"},
        Field{"tol", &LinearParams::tol, at_least(0), "relative gap to the least objective at which a solver stops"}};
  }
};

}  // namespace curvature
