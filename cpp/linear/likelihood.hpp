// What losses that are negative log-likelihoods say of a fit beside its coefficients.
#pragma once

#include <cstddef>

#include "linear/objective.hpp"

namespace curvature {

/// A loss that is, up to terms in y alone and a factor 1 / dispersion, a negative log-likelihood.
struct Likelihood {
  const char* loss;
  bool has_dispersion = false;  // to be estimated; else it is 1
  bool hessian_of_y = false;    // the Hessian depends on y, linearly: its expectation is that at the mean of y
};

/// Null where the loss is none of them.
[[nodiscard]] const Likelihood* find_likelihood(const LossInfo& info);

/// 2 sum of w_i (l(y_i, f_i) - min over f of l(y_i, f)).
[[nodiscard]] double deviance(const Objective& objective, const RowColumns& f);

/// sum over rows of weight > 0 of log p(y_i | f_i), terms in y alone included; a weight divides the dispersion:
///   squared            -n/2 (log(2 pi RSS/n) + 1) + 1/2 sum of log w, RSS = sum of w (y - f)^2
///   logistic, softmax  -sum of w l
///   poisson            -sum of w (l + log y!)
///   negative binomial  sum of w (y log a - l + log Gamma(y + 1/a) - log Gamma(1/a) - log y!)
///   gamma              sum of s (log s + log y - l) - log Gamma(s) - log y, s = w / dispersion
/// NaN of others.
[[nodiscard]] double log_likelihood(const Objective& objective, const RowColumns& f, double dispersion);

}  // namespace curvature
