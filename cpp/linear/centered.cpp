#include "linear/centered.hpp"

#include <algorithm>
#include <cmath>

#include "base/threads.hpp"
#include "kernel/products.hpp"
#include "linear/gram.hpp"

namespace curvature {

Square product(const Square& a, const Square& b, int threads) {
  const std::size_t n = a.size;
  Square out(n);
  parallel_for(n, threads, [&](std::size_t i, int) {
    kernel::product_table().doubles.combine({b.row(0), n, n, n}, a.row(i), out.row(i));
  });
  return out;
}

CenteredRows::CenteredRows(const Objective& objective, const RowColumns& d)
    : objective_(objective),
      first_(objective.problem().fit_intercept ? 1 : 0),
      center_(objective.problem().design.n_columns(), 0.0) {
  if (first_ == 0 || objective.problem().design.is_sparse()) return;
  Coefficients sums(1, center_.size());
  objective.loss_gradient(d, sums);
  if (!(sums.intercepts[0] > 0)) return;
  for (std::size_t j = 0; j < center_.size(); ++j) center_[j] = sums.weights[j] / sums.intercepts[0];
}

std::vector<double> CenteredRows::slopes(const RowColumns& r) const {
  Coefficients sums(1, center_.size());
  objective_.loss_gradient(r, sums);
  std::vector<double> out(size());
  if (first_ == 1) out[0] = sums.intercepts[0];
  for (std::size_t j = 0; j < center_.size(); ++j) {
    out[first_ + j] = sums.weights[j] - center_[j] * sums.intercepts[0];
  }
  return out;
}

Square CenteredRows::gram(const RowColumns& d) const {
  const std::size_t p = center_.size();
  AlignedBuffer<double> lower(p * p);
  weighted_gram(objective_.problem().design, d.of(0), center_.data(), lower.data(), objective_.problem().threads);
  Square out(size());
  for (std::size_t i = 0; i < p; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      out.row(first_ + i)[first_ + j] = lower[i * p + j];
      out.row(first_ + j)[first_ + i] = lower[i * p + j];
    }
  }
  if (first_ == 0) return out;
  const std::vector<double> edge = slopes(d);
  constexpr double kConstant = 1e-26;  // a squared spread, of the squared mean, that is rounding errors
  for (std::size_t i = 0; i < size(); ++i) {
    out.row(i)[0] = out.row(0)[i] = edge[i];
    if (i > 0 && out.row(i)[i] <= kConstant * center_[i - 1] * center_[i - 1] * edge[0]) {
      for (std::size_t j = 0; j < size(); ++j) out.row(i)[j] = out.row(j)[i] = 0;
    }
  }
  return out;
}

std::vector<double> CenteredRows::lengths(const RowColumns& d) const {
  const Design& design = objective_.problem().design;
  PartialSums partial(objective_.n_parts(), size());
  objective_.for_each_block([&](std::size_t part, std::size_t begin, std::size_t end) {
    double* own = partial.of(part);
    for (std::size_t i = begin; first_ == 1 && i < end; ++i) own[0] += d.of(0)[i];
    design.square_sums(begin, end, d.of(0) + begin, center_.data(), own + first_);
  });
  std::vector<double> out(size());
  partial.add_up(out.data());
  for (double& length : out) length = std::sqrt(length);
  return out;
}

void CenteredRows::squared_lengths(const Square& map, RowColumns& out) const {
  const std::size_t m = size();
  std::vector<double> shifts(m);
  for (std::size_t k = 0; k < m; ++k) {
    if (first_ == 1) shifts[k] = map.row(k)[0];
    for (std::size_t j = 0; j < center_.size(); ++j) shifts[k] -= center_[j] * map.row(k)[first_ + j];
  }
  const Design& design = objective_.problem().design;
  objective_.for_each_block([&](std::size_t, std::size_t begin, std::size_t end) {
    std::vector<double> products(end - begin);
    double* to = out.of(0) + begin;
    std::fill_n(to, end - begin, 0.0);
    for (std::size_t k = 0; k < m; ++k) {
      std::fill(products.begin(), products.end(), shifts[k]);
      design.times(begin, end, map.row(k) + first_, products.data());
      for (std::size_t i = 0; i < products.size(); ++i) to[i] += products[i] * products[i];
    }
  });
}

Coefficients CenteredRows::plain(const std::vector<double>& direction) const {
  Coefficients out(1, center_.size());
  if (first_ == 1) out.intercepts[0] = direction[0];
  for (std::size_t j = 0; j < center_.size(); ++j) {
    out.weights[j] = direction[first_ + j];
    out.intercepts[0] -= center_[j] * out.weights[j];
  }
  return out;
}

std::vector<double> CenteredRows::hessian_of_plain(const Square& hessian) const {
  const std::size_t m = size();
  std::vector<double> out(m * m);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < m; ++j) {
      double value = hessian.row(i)[j];
      if (first_ == 1) {
        const double at_i = i > 0 ? center_[i - 1] : 0.0;
        const double at_j = j > 0 ? center_[j - 1] : 0.0;
        value += at_i * hessian.row(0)[j] + at_j * hessian.row(i)[0] + at_i * at_j * hessian.row(0)[0];
      }
      out[i * m + j] = value;
    }
  }
  return out;
}

std::vector<double> CenteredRows::covariance_of_plain(const Square& covariance) const {
  const std::size_t m = size();
  std::vector<double> out = covariance.numbers;
  if (first_ == 0) return out;
  // The plain intercept is that of centered columns less center . coefficients.
  std::vector<double> taken(m);  // of row i: sum over j of center_j cov_ij
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 1; j < m; ++j) taken[i] += center_[j - 1] * covariance.row(i)[j];
  }
  double twice = 0;
  for (std::size_t i = 1; i < m; ++i) twice += center_[i - 1] * taken[i];
  out[0] += twice - 2 * taken[0];
  for (std::size_t i = 1; i < m; ++i) {
    out[i] -= taken[i];
    out[i * m] = out[i];
  }
  return out;
}

}  // namespace curvature
