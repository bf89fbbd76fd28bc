#include "linear/smoothed_loss.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace curvature {
namespace {

bool is_margin_loss(const LossInfo& info) { return info.name == "hinge" || info.name == "perceptron"; }

// The slope of a loss of y - f alone where f is far above y, or far below it.
double far_slope(const Loss& loss, double f) {
  const double y = 0;
  const double* columns[] = {&y};
  const double* scores[] = {&f};
  double gradient = 0;
  double hessian = 0;
  double* gradients[] = {&gradient};
  double* hessians[] = {&hessian};
  loss.derivatives({columns, scores, 0, 1}, gradients, hessians);
  return gradient;
}

}  // namespace

bool SmoothedLoss::smooths(const LossInfo& info) {
  return info.leaf_rule == LeafRule::quantile || is_margin_loss(info);
}

SmoothedLoss::SmoothedLoss(const Loss& exact, double width)
    : Loss(exact.info()), of_margin_(is_margin_loss(exact.info())), width_(width) {
  info_.leaf_rule = LeafRule::newton;
  info_.unit_curvature = false;
  if (of_margin_) {
    margin_ = exact.info().name == "hinge" ? 1 : 0;
  } else {
    dead_ = exact.info().insensitive_width;
    above_ = far_slope(exact, 2 * dead_ + 1);
    below_ = -far_slope(exact, -2 * dead_ - 1);
  }
}

SmoothedLoss::Point SmoothedLoss::point(double y, double f) const {
  if (of_margin_) return {margin_ - y * f, -y};
  return {f - y, 1};
}

double SmoothedLoss::slope(double u) const {
  if (u > dead_) return std::min((u - dead_) / width_, above_);
  if (u < -dead_) return std::max((u + dead_) / width_, -below_);
  return u == u ? 0 : u;
}

void SmoothedLoss::values(const LossRows& rows, double* out) const {
  for (std::size_t i = 0; i < rows.size; ++i) {
    const double u = point(rows.columns[0][rows.begin + i], rows.scores[0][rows.begin + i]).u;
    const double s = slope(u);
    // Of l at the nearest point z = u - width s, and of the way to it.
    out[i] = s * (u - (u > 0 ? dead_ : -dead_)) - 0.5 * width_ * s * s;
  }
}

void SmoothedLoss::derivatives(const LossRows& rows, double* const* gradients, double* const* hessians) const {
  for (std::size_t i = 0; i < rows.size; ++i) {
    const Point at = point(rows.columns[0][rows.begin + i], rows.scores[0][rows.begin + i]);
    const double s = slope(at.u);
    gradients[0][i] = at.sign * s;
    hessians[0][i] = s != 0 && s < above_ && s > -below_ ? at.sign * at.sign / width_ : 0.0;
  }
}

void SmoothedLoss::steps(const LossRows& rows, double* const* gradients, double* const* curvatures) const {
  derivatives(rows, gradients, curvatures);
  for (std::size_t i = 0; i < rows.size; ++i) {
    const Point at = point(rows.columns[0][rows.begin + i], rows.scores[0][rows.begin + i]);
    // max(r, 0) = (|r| + r) / 2, and |r| lies below the parabola of curvature 1 / |r| that touches it at r.
    const double to_upper = std::max(std::abs(at.u - dead_), width_);
    const double to_lower = std::max(std::abs(at.u + dead_), width_);
    curvatures[0][i] = at.sign * at.sign * 0.5 * (above_ / to_upper + below_ / to_lower);
  }
}

}  // namespace curvature
