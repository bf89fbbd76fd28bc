// Newton's direction by conjugate gradients: products with the Hessian in place of the Hessian.
#pragma once

#include "linear/preconditioner.hpp"
#include "linear/walk.hpp"

namespace curvature {

/// Products with the Hessian of F where a walk stands: two products with the design each.
class HessianProducts {
 public:
  HessianProducts(const Objective& objective, const Walk& walk);

  /// Whether there are all second derivatives: of losses of one score, or with mixed derivatives.
  [[nodiscard]] static bool exist(const LossInfo& loss) { return loss.n_outputs == 1 || loss.has_mixed_derivatives; }
  /// Takes the curvatures of the rows as they are now; mixed ones only beside exact ones.
  void renew(Curvature which);
  [[nodiscard]] std::size_t n_outputs() const { return change_.n_outputs(); }
  /// H v
  [[nodiscard]] Direction times(const Direction& v);

 private:
  void bend_rows(std::size_t k, std::size_t begin, std::size_t end);

  const Objective& objective_;
  const Walk& walk_;
  RowColumns mixed_;
  RowColumns change_;
  RowColumns bent_;
  bool has_mixed_ = false;
};

struct NewtonDirection {
  Direction step;
  bool solved = false;  // false: no curvature where there is a slope, or more iterations were needed
};

/// d of H d = -slope by preconditioned conjugate gradients (Steihaug 1983), until the residual, measured by P^-1, is
/// below a share of the slope's.
[[nodiscard]] NewtonDirection newton_direction(HessianProducts& hessian, const Preconditioner& preconditioner,
                                               const Direction& slope, double share);

}  // namespace curvature
