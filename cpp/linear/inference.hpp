// How sure the coefficients of a fit are: Hessian, covariance, and what follows from the loss as a likelihood.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "linear/problem.hpp"

namespace curvature {

/// With z_i = (1, x_i), g_i and h_i the derivatives of row i's loss at the solution, P the diagonal of W l2 (0 for the
/// intercept), G = sum of w_i h_i z_i z_i^T and B = (G + P)^-1:
///   model  dispersion B G B, with the expected h of likelihoods whose h depends on y (gamma, Tweedie, neg. binomial)
///   HC0    B (sum of (w_i g_i)^2 z_i z_i^T) B
///   HC1    HC0 n / (n - degrees of freedom)
///   HC2    HC0 with each term divided by 1 - v_i, v_i = w_i h_i z_i^T B z_i the row's leverage
///   HC3    by (1 - v_i)^2
/// (Huber 1967, White 1980; MacKinnon & White 1985.)
enum class CovarianceKind { model, hc0, hc1, hc2, hc3 };

/// Throws InputError for a name other than "model", "HC0", "HC1", "HC2", "HC3".
[[nodiscard]] CovarianceKind covariance_kind(const std::string& name);

/// Parameters in the order (intercept, coefficients); matrices of rows. NaN: not known of this loss.
struct Inference {
  static constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

  std::size_t n_parameters = 0;
  std::vector<double> hessian;  // of sum of w l + W penalty, in original units: G + P with the observed h
  std::vector<double> covariance;
  std::size_t n = 0;              // rows of weight > 0
  double degrees_of_freedom = 0;  // trace(B G): the number of parameters where nothing is penalised
  double dispersion = 1;          // sum of w g^2 / h over n - degrees of freedom, where the loss leaves it open
  double log_likelihood = kUnknown;
  double deviance = kUnknown;
  double aic = kUnknown;  // -2 log-likelihood + 2 degrees of freedom
  double bic = kUnknown;  // -2 log-likelihood + log(n) degrees of freedom
  /// Distance to the optimum in standard errors: the root of gradient^T B gradient / dispersion.
  double distance = 0;
  /// The least share of a parameter's information that the others do not explain, 1 / (B_jj (G + P)_jj), and whose:
  /// the inverse has about 16 digits less those of this share.
  double least_share = 1;
  std::size_t least_parameter = 0;
  /// Whether the classes of an unpenalised logistic regression are separated: then nothing above means anything.
  bool separated = false;
};

/// Throws InputError where the penalty has an L1 part or coefficients are bounded, where the loss has several outputs
/// or, for `model`, is no likelihood; where rows are no more than parameters, or a column follows from others.
[[nodiscard]] Inference infer(const LinearProblem& problem, const Coefficients& at, CovarianceKind kind);

}  // namespace curvature
