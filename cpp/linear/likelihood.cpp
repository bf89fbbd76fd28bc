#include "linear/likelihood.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string_view>
#include <vector>

#include "math/block_functions.hpp"
#include "math/link.hpp"

namespace curvature {
namespace {

constexpr Likelihood kLikelihoods[] = {
    {.loss = "squared", .has_dispersion = true},
    {.loss = "logistic"},
    {.loss = "softmax"},
    {.loss = "poisson"},
    {.loss = "gamma", .has_dispersion = true, .hessian_of_y = true},
    {.loss = "tweedie", .has_dispersion = true, .hessian_of_y = true},
    {.loss = "negative_binomial", .hessian_of_y = true},
};

constexpr std::size_t kBlock = 256;  // rows of a loss that stay in the first-level cache

// The sum over all rows of weight > 0 of term(row, l), with l from the scores.
template <class Term>
double sum_over_rows(const Objective& objective, const RowColumns& f, Term&& term) {
  const LinearProblem& problem = objective.problem();
  std::vector<const double*> scores;
  for (std::size_t k = 0; k < f.n_outputs(); ++k) scores.push_back(f.of(k));
  PartialSums sums(objective.n_parts(), 1);
  objective.for_each_part([&](std::size_t part, std::size_t begin, std::size_t end) {
    double values[kBlock];
    double sum = 0;
    for (std::size_t first = begin; first < end; first += kBlock) {
      const std::size_t n = std::min(kBlock, end - first);
      problem.loss.values({problem.target.columns.data(), scores.data(), first, n}, values);
      for (std::size_t i = 0; i < n; ++i) {
        if (problem.weight(first + i) > 0) sum += term(first + i, values[i]);
      }
    }
    *sums.of(part) = sum;
  });
  double total = 0;
  sums.add_up(&total);
  return total;
}

double log_gamma(double x) {
  static const BlockRun run = find_block_function("gammaln")->run;
  double block[8] = {x, 1, 1, 1, 1, 1, 1, 1};
  run(block, nullptr, nullptr, block, 8);
  return block[0];
}

// The score of the least loss of a row; beyond all bounds where the mean y is at the end of the link.
double saturated_score(Link link, double y) {
  constexpr double kFar = 1e300;
  return std::clamp(score_of(link, y), -kFar, kFar);
}

}  // namespace

const Likelihood* find_likelihood(const LossInfo& info) {
  for (const Likelihood& likelihood : kLikelihoods) {
    if (info.name == likelihood.loss) return &likelihood;
  }
  return nullptr;
}

double deviance(const Objective& objective, const RowColumns& f) {
  const LinearProblem& problem = objective.problem();
  const auto weighted = [&](std::size_t row, double value) { return problem.weight(row) * value; };
  const double reached = sum_over_rows(objective, f, weighted);
  if (f.n_outputs() > 1) return 2 * reached;  // softmax: no loss at the label
  RowColumns best(1, f.n_rows());
  const double* y = problem.target.columns[0];
  for (std::size_t i = 0; i < f.n_rows(); ++i) best.of(0)[i] = saturated_score(problem.loss.info().link, y[i]);
  return 2 * (reached - sum_over_rows(objective, best, weighted));
}

double log_likelihood(const Objective& objective, const RowColumns& f, double dispersion) {
  const LinearProblem& problem = objective.problem();
  const LossInfo& info = problem.loss.info();
  const double* y = problem.target.columns[0];
  const auto weight = [&](std::size_t row) { return problem.weight(row); };
  const auto sum = [&](auto&& term) { return sum_over_rows(objective, f, term); };
  const std::string_view name = info.name;
  if (name == "squared") {
    const double n = sum([](std::size_t, double) { return 1.0; });
    const double squares = sum([&](std::size_t i, double value) { return 2 * weight(i) * value; });
    const double logs = sum([&](std::size_t i, double) { return std::log(weight(i)); });
    return -n / 2 * (std::log(2 * std::numbers::pi * squares / n) + 1) + logs / 2;
  }
  if (name == "logistic" || name == "softmax") {
    return -sum([&](std::size_t i, double value) { return weight(i) * value; });
  }
  if (name == "poisson") {
    return -sum([&](std::size_t i, double value) { return weight(i) * (value + log_gamma(y[i] + 1)); });
  }
  if (name == "negative_binomial") {
    const double size = 1 / info.dispersion;
    return sum([&](std::size_t i, double value) {
      const double constant = log_gamma(y[i] + size) - log_gamma(size) - log_gamma(y[i] + 1);
      return weight(i) * (y[i] * std::log(info.dispersion) - value + constant);
    });
  }
  if (name == "gamma") {
    return sum([&](std::size_t i, double value) {
      const double shape = weight(i) / dispersion;
      const double log_y = std::log(y[i]);
      return shape * (std::log(shape) + log_y - value) - log_gamma(shape) - log_y;
    });
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace curvature
