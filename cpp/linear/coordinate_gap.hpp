// How far a penalised objective may still be above its least value.
#pragma once

#include <vector>

#include "linear/objective.hpp"

namespace curvature {

/// What a point of the objective is known by.
struct PenalisedPoint {
  const Coefficients& at;
  const Coefficients& gradient;  // of the loss, by the weights as the intercept keeps the mean score
  double loss = 0;               // mean
  double objective = 0;
  const std::vector<double>& curvatures;       // of the loss by the weights, output after output
  const std::vector<double>& total_curvature;  // by the intercepts, a number an output
};

/// An upper bound of (F - least F) / |F|. Where the dual point is the loss's own slope at f, the loss's part of the
/// duality gap is 0 and what is left is
///   sum of r_j(b_j) + G_j b_j + r_j*(-G_j)      with G the gradient, r_j the penalty of a weight and r_j* its
///   conjugate,
/// which is finite for an L2 part or bounds. L1 alone: a loss at least 0 has sum of l1 |b| <= F at the least F, and the
/// conjugates together are at most R max (|G_j| / l1_j - 1)+ with R = F. For a loss with values below 0 this is an
/// estimate with R = max(|F|, 2 sum of l1 |b|), which is 0 at the least F alone. Squared loss: also the gap of the
/// residuals scaled until they are dual feasible. The least of these is taken. Intercepts and weights without penalty
/// or bound have no dual bound; they count with the estimate G^2 / curvature, twice the fall of a Newton step.
[[nodiscard]] double relative_gap(const LinearProblem& problem, const PenalisedPoint& point);

}  // namespace curvature
