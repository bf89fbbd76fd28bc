#include "linear/conjugate_gradients.hpp"

#include <algorithm>

namespace curvature {
namespace {

std::size_t n_pairs(const LossInfo& info) {
  return info.has_mixed_derivatives ? info.n_outputs * (info.n_outputs - 1) / 2 : 0;
}

}  // namespace

HessianProducts::HessianProducts(const Objective& objective, const Walk& walk)
    : objective_(objective),
      walk_(walk),
      mixed_(n_pairs(walk.problem().loss.info()), walk.g().n_rows()),
      change_(walk.g().n_outputs(), walk.g().n_rows()),
      bent_(walk.g().n_outputs(), walk.g().n_rows()) {}

void HessianProducts::renew(Curvature which) {
  has_mixed_ = mixed_.n_outputs() > 0 && which == Curvature::exact;
  if (!has_mixed_) return;
  objective_.for_each_block([&](std::size_t, std::size_t begin, std::size_t end) {
    objective_.block_mixed_derivatives(walk_.scores(), begin, end, mixed_);
  });
}

Direction HessianProducts::times(const Direction& v) {
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

// bent_k = sum over outputs l of h_kl change_l
void HessianProducts::bend_rows(std::size_t k, std::size_t begin, std::size_t end) {
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

NewtonDirection newton_direction(HessianProducts& hessian, const Preconditioner& preconditioner, const Direction& slope,
                                 double share) {
  constexpr int kMost = 500;
  NewtonDirection found{Direction(slope.size())};
  Direction residual = slope;
  for (double& x : residual) x = -x;
  Direction z = residual;
  preconditioner.apply(z);
  Direction along = z;
  double size = dot(residual, z);
  const double enough = share * share * size;
  const std::size_t width = slope.size() / hessian.n_outputs();
  for (std::size_t j = width - 1; j < z.size(); j += width) {
    if (z[j] == 0 && slope[j] != 0) return found;  // no row has curvature
  }
  for (int i = 0; i < kMost && size > enough; ++i) {
    const Direction bent = hessian.times(along);
    const double bend = dot(along, bent);
    if (!(bend > 0)) {  // no minimum this way
      if (i == 0) found.step = along;
      return found;
    }
    add(found.step, size / bend, along);
    add(residual, -size / bend, bent);
    z = residual;
    preconditioner.apply(z);
    const double next = dot(residual, z);
    for (std::size_t j = 0; j < z.size(); ++j) along[j] = z[j] + next / size * along[j];
    size = next;
  }
  found.solved = size <= enough;
  return found;
}

}  // namespace curvature
