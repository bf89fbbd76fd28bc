// Losses with kinks, rounded: what Newton's method and coordinate descent minimise in their place.
#pragma once

#include <memory>
#include <optional>

#include "loss/loss.hpp"

namespace curvature {

/// The Moreau envelope min over z of l(y, z) + (z - f)^2 / (2 width) of a loss that is made of straight pieces:
/// absolute, quantile, epsilon-insensitive, hinge, perceptron. It lies below l, by no more than width / 2 times its
/// steepest slope squared, so that a minimum of F with it is a lower bound of F. (Moreau 1965; Nesterov 2005.)
class SmoothedLoss final : public Loss {
 public:
  /// Whether the loss is one of these.
  [[nodiscard]] static bool smooths(const LossInfo& info);

  /// `exact` is the caller's.
  SmoothedLoss(const Loss& exact, double width);

  void set_width(double width) { width_ = width; }
  void values(const LossRows& rows, double* out) const override;
  void derivatives(const LossRows& rows, double* const* gradients, double* const* hessians) const override;
  /// Curvatures of parabolas that touch the envelope at f and lie above it.
  void steps(const LossRows& rows, double* const* gradients, double* const* curvatures) const override;

 private:
  // A row as u, of which the loss is above max(u - dead, 0) - below min(u + dead, 0), and du/df.
  struct Point {
    double u;
    double sign;
  };
  [[nodiscard]] Point point(double y, double f) const;
  // The slope of the envelope by u, at most above and at least -below.
  [[nodiscard]] double slope(double u) const;

  bool of_margin_;
  double margin_ = 0;  // u = margin - y f
  double above_ = 1;
  double below_ = 0;
  double dead_ = 0;
  double width_;
};

}  // namespace curvature
