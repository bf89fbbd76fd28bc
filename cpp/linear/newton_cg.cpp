#include "linear/newton_cg.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "linear/preconditioner.hpp"
#include "linear/walk.hpp"

namespace curvature {
namespace {

// Products with the Hessian of F where the walk stands.
class Hessian {
 public:
  explicit Hessian(const Objective& objective, const Walk& walk)
      : objective_(objective),
        walk_(walk),
        mixed_(n_pairs(walk.problem().loss.info()), walk.g().n_rows()),
        change_(walk.g().n_outputs(), walk.g().n_rows()),
        bent_(walk.g().n_outputs(), walk.g().n_rows()) {}

  // Takes the curvatures of the rows as they are now; mixed ones only beside exact ones.
  void renew(Curvature which) {
    has_mixed_ = mixed_.n_outputs() > 0 && which == Curvature::exact;
    if (!has_mixed_) return;
    objective_.for_each_block([&](std::size_t, std::size_t begin, std::size_t end) {
      objective_.block_mixed_derivatives(walk_.scores(), begin, end, mixed_);
    });
  }

  // H v
  [[nodiscard]] Direction times(const Direction& v) {
    const std::size_t n_outputs = change_.n_outputs();
    const std::size_t width = v.size() / n_outputs;
    const Coefficients step = walk_.uncentered(v);
    PartialSums sums(objective_.n_parts(), v.size());
    objective_.for_each_block([&](std::size_t part, std::size_t begin, std::size_t end) {
      objective_.block_changes(step, begin, end, change_);
      for (std::size_t k = 0; k < n_outputs; ++k) {
        bend_rows(k, begin, end);
        objective_.add_block_gradient(bent_, k, begin, end, sums.of(part) + k * width);
      }
    });
    Direction product(v.size());
    sums.add_up(product.data());
    walk_.center_slopes(product.data());
    const std::vector<double>& l2 = walk_.problem().l2;
    for (std::size_t k = 0; k < n_outputs; ++k) {
      for (std::size_t j = 0; j < l2.size(); ++j) product[k * width + j] += l2[j] * v[k * width + j];
    }
    return product;
  }

 private:
  static std::size_t n_pairs(const LossInfo& info) {
    return info.has_mixed_derivatives ? info.n_outputs * (info.n_outputs - 1) / 2 : 0;
  }
  // bent_k = sum over outputs l of h_kl change_l
  void bend_rows(std::size_t k, std::size_t begin, std::size_t end) {
    double* out = bent_.of(k);
    for (std::size_t i = begin; i < end; ++i) out[i] = walk_.h().of(k)[i] * change_.of(k)[i];
    if (!has_mixed_) return;
    for (std::size_t l = 0; l < change_.n_outputs(); ++l) {
      if (l == k) continue;
      const std::size_t larger = std::max(k, l);
      const double* h = mixed_.of(larger * (larger - 1) / 2 + std::min(k, l));
      for (std::size_t i = begin; i < end; ++i) out[i] += h[i] * change_.of(l)[i];
    }
  }

  const Objective& objective_;
  const Walk& walk_;
  RowColumns mixed_;
  RowColumns change_;
  RowColumns bent_;
  bool has_mixed_ = false;
};

// Conjugate gradients for H d = -g, until the residual, measured by P^-1, is below a share of the slope's.
Direction solve(Hessian& hessian, const Preconditioner& preconditioner, const Direction& slope, double share) {
  constexpr int kMost = 500;
  Direction d(slope.size());
  Direction residual = slope;
  for (double& x : residual) x = -x;
  Direction z = residual;
  preconditioner.apply(z);
  Direction along = z;
  double size = dot(residual, z);
  const double enough = share * share * size;
  for (int i = 0; i < kMost && size > enough; ++i) {
    const Direction bent = hessian.times(along);
    const double bend = dot(along, bent);
    if (!(bend > 0)) {  // no minimum this way
      if (i == 0) d = along;
      break;
    }
    add(d, size / bend, along);
    add(residual, -size / bend, bent);
    z = residual;
    preconditioner.apply(z);
    const double next = dot(residual, z);
    for (std::size_t j = 0; j < z.size(); ++j) along[j] = z[j] + next / size * along[j];
    size = next;
  }
  return d;
}

}  // namespace

LinearFit newton_cg(const Objective& objective, const Stopping& stopping, const Coefficients& start) {
  constexpr double kRounding = 4 * std::numeric_limits<double>::epsilon();
  constexpr double kWidest = 0.25;  // share of the slope that a step may leave
  LinearFit fit{start};
  Walk walk(objective, start);
  const LinearProblem& problem = walk.problem();
  Hessian hessian(objective, walk);
  Curvature which = Curvature::exact;
  walk.refresh(which);
  double first = 0;  // decrement of the first step
  double last = 0;
  while (fit.n_iter < stopping.max_iter) {
    if (problem.look_for_signals) problem.look_for_signals();
    const Preconditioner preconditioner(objective, walk.centers(), walk.g(), walk.h());
    hessian.renew(which);
    const double progress = first > 0 ? std::sqrt(last / first) : 1;
    const Direction direction = solve(hessian, preconditioner, walk.slope(), std::min(kWidest, 0.3 * progress));
    const double along = dot(direction, walk.slope());
    last = -along;
    if (first == 0) first = last;
    fit.gap = -0.5 * along / std::max(std::abs(walk.value()), std::numeric_limits<double>::min());
    fit.converged = which == Curvature::exact && along <= 0 && fit.gap <= std::max(stopping.tol, kRounding);
    ++fit.n_iter;
    const double length = along < 0 ? walk.go(direction, along) : 0;
    if (fit.converged) break;
    if (length > 0) {
      which = Curvature::exact;
    } else if (which == Curvature::unit) {
      fit.advice = "the objective does not fall any more: scale the columns, or raise alpha";
      break;
    } else {
      which = which == Curvature::exact ? Curvature::safe : Curvature::unit;
      walk.refresh(which);
    }
  }
  fit.coefficients = walk.at();
  fit.objective = walk.value();
  return fit;
}

}  // namespace curvature
