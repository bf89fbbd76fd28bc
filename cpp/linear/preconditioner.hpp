// An approximate inverse of the Hessian of F.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "linear/cholesky.hpp"
#include "linear/objective.hpp"

namespace curvature {

/// Of each output its own block, in the weights and in the intercept of columns less their centers: a factor of the
/// Gram matrix of all rows or of some, where there are few enough columns, or its diagonal. Where the loss does not
/// change when all scores of a row grow by the same (softmax), steps have no such part: only the penalty would see it.
class Preconditioner {
 public:
  /// `g`, `h`: slopes and curvatures of the rows, as of Objective::row_derivatives.
  Preconditioner(const Objective& objective, const std::vector<double>& centers, const RowColumns& g,
                 const RowColumns& h);

  /// v = P^-1 v for the p weights and the intercept of each output.
  void apply(std::vector<double>& v) const;

 private:
  std::vector<Cholesky> factors_;  // one an output, or none
  std::vector<double> diagonal_;   // of P^-1; where there are factors, of the intercepts alone
  std::size_t n_outputs_;
  std::size_t p_;
  bool ignores_shifts_;  // of all scores of a row together
};

}  // namespace curvature
