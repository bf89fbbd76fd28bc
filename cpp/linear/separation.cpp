#include "linear/separation.hpp"

#include <algorithm>
#include <cmath>

#include "linear/centered.hpp"
#include "linear/newton.hpp"
#include "loss/named.hpp"

namespace curvature {
namespace {

constexpr std::size_t kMostParameters = 4096;
constexpr std::size_t kMostNumbers = std::size_t{1} << 25;  // of the rows in what freedom is left
constexpr double kNoShare = 1e-10;                          // squared sine below which a column follows from others
constexpr double kStill = 1e-7;                             // of the largest change: no change

double sign_of(double y) { return y == 1 ? 1.0 : y == 0 ? -1.0 : 0.0; }  // a share between 0 and 1 pulls both ways

double largest(const RowColumns& of) {
  double most = 0;
  for (std::size_t i = 0; i < of.n_rows(); ++i) most = std::max(most, std::abs(of.of(0)[i]));
  return most;
}

// The least change to the right side over rows of weight > 0, relative to the largest.
double least_gain(const LinearProblem& problem, const RowColumns& change) {
  const double most = largest(change);
  if (!(most > 0) || !std::isfinite(most)) return -1;
  double least = 1;
  for (std::size_t i = 0; i < change.n_rows(); ++i) {
    if (!(problem.weight(i) > 0)) continue;
    const double sign = sign_of(problem.target.columns[0][i]);
    least = std::min(least, (sign == 0 ? -std::abs(change.of(0)[i]) : sign * change.of(0)[i]) / most);
  }
  return least;
}

// 1 for rows of weight > 0 that surely cannot be separated, else 0. What is in doubt costs time only.
RowColumns settled_rows(const Objective& objective, const Coefficients& at, double slack) {
  const LinearProblem& problem = objective.problem();
  constexpr double kSafety = 4;  // a model of second order promised the slack
  constexpr double kDoubt = 4;   // a row of a larger margin may be separated whatever was promised
  RowColumns f(1, problem.design.n_rows());
  RowColumns settled(1, f.n_rows());
  objective.scores(at, f);
  for (std::size_t i = 0; i < f.n_rows(); ++i) {
    const double y = problem.target.columns[0][i];
    const double margin = sign_of(y) * f.of(0)[i];
    const double loss = std::max(0.0, -margin) + std::log1p(std::exp(-std::abs(margin)));
    const double w = problem.weight(i);
    const bool in_doubt = sign_of(y) != 0 && (margin > kDoubt || w * loss <= kSafety * slack);
    settled.of(0)[i] = w > 0 && !in_doubt ? 1.0 : 0.0;
  }
  return settled;
}

// Vectors that a positive semidefinite matrix of unit scale maps to nothing, by Cholesky with the largest pivots first.
std::vector<std::vector<double>> null_space(Square matrix) {
  const std::size_t m = matrix.size;
  std::vector<std::size_t> order(m);
  for (std::size_t i = 0; i < m; ++i) order[i] = i;
  const auto at = [&](std::size_t i, std::size_t j) -> double& { return matrix.row(order[i])[order[j]]; };
  std::size_t rank = 0;
  for (; rank < m; ++rank) {
    std::size_t best = rank;
    for (std::size_t i = rank; i < m; ++i) {
      if (at(i, i) > at(best, best)) best = i;
    }
    std::swap(order[rank], order[best]);
    if (!(at(rank, rank) > kNoShare)) break;
    for (std::size_t i = rank + 1; i < m; ++i) {
      const double factor = at(i, rank) / at(rank, rank);
      for (std::size_t j = rank + 1; j < m; ++j) at(i, j) -= factor * at(rank, j);
    }
  }
  std::vector<std::vector<double>> found;
  for (std::size_t free = rank; free < m; ++free) {
    std::vector<double> vector(m);
    vector[order[free]] = 1;
    for (std::size_t i = rank; i-- > 0;) {
      double sum = -at(i, free);
      for (std::size_t j = i + 1; j < rank; ++j) sum -= at(i, j) * vector[order[j]];
      vector[order[i]] = sum / at(i, i);
    }
    found.push_back(std::move(vector));
  }
  return found;
}

// Directions that leave the scores of the settled rows, in columns of unit scale.
std::vector<Coefficients> free_directions(const Objective& objective, const RowColumns& settled) {
  const LinearProblem& problem = objective.problem();
  RowColumns all(1, settled.n_rows());
  for (std::size_t i = 0; i < all.n_rows(); ++i) all.of(0)[i] = problem.weight(i) > 0 ? 1.0 : 0.0;
  const CenteredRows rows(objective, all);
  const std::vector<double> scales = rows.lengths(all);
  Square gram = rows.gram(settled);
  for (std::size_t i = 0; i < gram.size; ++i) {
    for (std::size_t j = 0; j < gram.size; ++j) {
      gram.row(i)[j] = scales[i] * scales[j] > 0 ? gram.row(i)[j] / (scales[i] * scales[j]) : (i == j ? 1.0 : 0.0);
    }
  }
  std::vector<Coefficients> found;
  for (std::vector<double>& vector : null_space(std::move(gram))) {
    for (std::size_t j = 0; j < vector.size(); ++j) vector[j] = scales[j] > 0 ? vector[j] / scales[j] : 0.0;
    found.push_back(rows.plain(vector));
  }
  return found;
}

std::optional<Coefficients> direction_of(const Objective& objective, const Coefficients& at, double slack, int depth);

// The directions' combination that moves every row that is not settled to its side, or leaves it.
std::optional<Coefficients> combined(const Objective& objective, const RowColumns& settled,
                                     const std::vector<Coefficients>& directions, int depth) {
  const LinearProblem& problem = objective.problem();
  const std::size_t q = directions.size();
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < settled.n_rows(); ++i) {
    if (settled.of(0)[i] == 0 && problem.weight(i) > 0) rows.push_back(i);
  }
  if (rows.size() > kMostNumbers / q) return std::nullopt;
  std::vector<double> gains(rows.size() * q);
  RowColumns change(1, settled.n_rows());
  for (std::size_t k = 0; k < q; ++k) {
    objective.score_changes(directions[k], change);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      gains[r * q + k] = sign_of(problem.target.columns[0][rows[r]]) * change.of(0)[rows[r]];
    }
  }
  // Rows that no direction moves say nothing.
  double most = 0;
  for (const double gain : gains) most = std::max(most, std::abs(gain));
  std::size_t n = 0;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const double* own = gains.data() + r * q;
    if (std::none_of(own, own + q, [&](double gain) { return std::abs(gain) > kStill * most; })) continue;
    std::copy_n(own, q, gains.data() + n++ * q);
  }
  if (n == 0) return std::nullopt;

  const std::vector<double> ones(n, 1.0);
  const Design design(DenseMatrix<double>{gains.data(), n, q, q, 1});
  const LossTable target{{ones.data()}, nullptr, n};
  const auto loss = make_loss("logistic", {}, 0, instruction_set());
  const LinearProblem reduced{.design = design,
                              .target = target,
                              .loss = *loss,
                              .offsets = {},
                              .l1 = std::vector<double>(q),
                              .l2 = std::vector<double>(q),
                              .lower = {},
                              .upper = {},
                              .fit_intercept = false,
                              .threads = problem.threads,
                              .look_for_signals = problem.look_for_signals};
  const Objective inner(reduced);
  constexpr int kMostSteps = 60;
  const LinearFit fit = newton(inner, {.tol = 1e-12, .max_iter = kMostSteps}, Coefficients(1, q));
  const double reached = fit.gap * std::abs(fit.objective) * inner.total_weight();
  const auto found = direction_of(inner, fit.coefficients, reached, depth + 1);
  if (!found) return std::nullopt;
  Coefficients out(1, problem.design.n_columns());
  for (std::size_t k = 0; k < q; ++k) {
    out.intercepts[0] += found->weights[k] * directions[k].intercepts[0];
    for (std::size_t j = 0; j < out.n_columns; ++j) {
      out.weights[j] += found->weights[k] * directions[k].weights[j];
    }
  }
  return out;
}

std::optional<Coefficients> direction_of(const Objective& objective, const Coefficients& at, double slack, int depth) {
  const LinearProblem& problem = objective.problem();
  RowColumns change(1, problem.design.n_rows());
  objective.score_changes(at, change);
  constexpr double kRounding = 1e-12;
  if (least_gain(problem, change) > kRounding) return at;
  const std::size_t m = problem.design.n_columns() + (problem.fit_intercept ? 1 : 0);
  if (m > kMostParameters) return std::nullopt;
  const RowColumns settled = settled_rows(objective, at, slack);
  std::size_t n_left = 0;
  for (std::size_t i = 0; i < settled.n_rows(); ++i) n_left += settled.of(0)[i] == 0 && problem.weight(i) > 0;
  if (n_left == 0) return std::nullopt;
  const std::vector<Coefficients> directions = free_directions(objective, settled);
  if (directions.empty()) return std::nullopt;
  if (depth > 0 && directions.size() == m) return std::nullopt;  // no row was settled by a fit of all: give up
  return combined(objective, settled, directions, depth);
}

}  // namespace

std::optional<Separation> find_separation(const Objective& objective, const Coefficients& at, double slack) {
  const LinearProblem& problem = objective.problem();
  const auto direction = direction_of(objective, at, slack, 0);
  if (!direction) return std::nullopt;
  RowColumns change(1, problem.design.n_rows());
  objective.score_changes(*direction, change);
  const double least = least_gain(problem, change);
  if (!(least > -kStill)) return std::nullopt;
  Separation found{*direction, {}, false, {}};
  found.complete = least > kStill;
  const double most = largest(change);
  RowColumns all(1, change.n_rows());
  for (std::size_t i = 0; i < change.n_rows(); ++i) {
    if (!(problem.weight(i) > 0)) continue;
    all.of(0)[i] = 1;
    if (found.complete || std::abs(change.of(0)[i]) > kStill * most) found.rows.push_back(i);
  }
  const CenteredRows rows(objective, all);
  const std::vector<double> scales = rows.lengths(all);
  std::vector<double> shares(direction->n_columns);
  for (std::size_t j = 0; j < shares.size(); ++j) {
    shares[j] = std::abs(direction->weights[j]) * scales[rows.first() + j];
  }
  const double largest_share = *std::max_element(shares.begin(), shares.end());
  constexpr double kTakesPart = 1e-6;
  for (std::size_t j = 0; j < shares.size(); ++j) {
    if (shares[j] > kTakesPart * largest_share) found.columns.push_back(j);
  }
  return found;
}

}  // namespace curvature
