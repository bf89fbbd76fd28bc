#include "linear/fit.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/errors.hpp"
#include "base/processors.hpp"
#include "base/threads.hpp"
#include "linear/coordinate_descent.hpp"
#include "linear/lbfgs.hpp"
#include "linear/newton.hpp"
#include "linear/newton_cg.hpp"
#include "linear/row_sample.hpp"
#include "linear/smoothing.hpp"
#include "loss/target.hpp"

namespace curvature {
namespace {

void check_numbers(const char* name, const std::vector<double>& values, std::size_t wanted, const Bounds& bounds) {
  if (values.empty()) return;
  if (values.size() != wanted) {
    throw InputError(
        sentence(name, " has ", values.size(), " values; one for each of ", wanted, " columns is needed."));
  }
  for (std::size_t j = 0; j < wanted; ++j) {
    if (!bounds.contain(values[j])) {
      throw InputError(sentence(name, "[", j, "]=", values[j], " must be ", describe(bounds), "."));
    }
  }
}

// Infinite bounds are none.
void check_bounds(const LinearExtras& extras, std::size_t n_columns) {
  for (const auto* bounds : {&extras.lower, &extras.upper}) {
    const bool is_lower = bounds == &extras.lower;
    if (bounds->empty()) continue;
    if (bounds->size() != n_columns) {
      throw InputError(
          sentence("bounds have ", bounds->size(), " values; one for each of ", n_columns, " columns is needed."));
    }
    for (std::size_t j = 0; j < n_columns; ++j) {
      const double bound = (*bounds)[j];
      if (!(is_lower ? bound <= 0 : bound >= 0)) {
        throw InputError(sentence("bounds have the ", is_lower ? "lower" : "upper", " bound ", bound, " for column ", j,
                                  "; it must be ", is_lower ? "at most" : "at least", " 0."));
      }
    }
  }
}

bool has_l1(const LinearProblem& problem) {
  return std::any_of(problem.l1.begin(), problem.l1.end(), [](double l1) { return l1 > 0; });
}

// Whether Newton's steps, of n p^2 / 2 multiply-adds a pair of outputs, are worth it beside passes over the numbers.
bool suits_newton(const LinearProblem& problem) {
  constexpr std::size_t kFewColumns = 256;
  constexpr std::size_t kMostParameters = 2048;
  constexpr double kFewUpdates = 1e9;
  const std::size_t n_outputs = problem.n_outputs();
  const std::size_t p = problem.design.n_columns();
  if (n_outputs == 1 && p <= kFewColumns) return true;
  const auto pairs = static_cast<double>(n_outputs * (n_outputs + 1) / 2);
  return (p + 1) * n_outputs <= kMostParameters &&
         0.5 * pairs * static_cast<double>(problem.design.n_stored()) * static_cast<double>(p) <= kFewUpdates;
}

// What rows and columns, without L1 and bounds, ask for.
LinearSolver suited(const LinearProblem& problem) {
  constexpr std::size_t kMostFactored = 3000;  // columns of a dense table that L-BFGS is preconditioned well by
  constexpr std::size_t kMostMixed = 32;       // scores; every two of them have a column of rows
  const Design& design = problem.design;
  const std::size_t n_outputs = problem.n_outputs();
  if (n_outputs > 1 && !problem.loss.info().has_mixed_derivatives) return LinearSolver::lbfgs;
  if (suits_newton(problem)) return LinearSolver::newton;
  const bool factored = !design.is_sparse() && design.n_columns() <= std::min(kMostFactored, design.n_rows());
  return factored || n_outputs > kMostMixed || !problem.loss.info().has_values ? LinearSolver::lbfgs
                                                                               : LinearSolver::newton_cg;
}

LinearSolver chosen(const LinearProblem& problem, LinearSolver asked) {
  const LossInfo& loss = problem.loss.info();
  const bool smooth = !has_l1(problem) && !problem.is_bounded();
  const bool by_hessian = asked == LinearSolver::newton || asked == LinearSolver::newton_cg;
  if (by_hessian && problem.n_outputs() > 1 && !loss.has_mixed_derivatives) {
    throw InputError(sentence("solver='", name(asked), "' needs second derivatives by two scores each, which loss='",
                              loss.name, "' of ", problem.n_outputs(), " scores has not: use solver='lbfgs'."));
  }
  constexpr std::size_t kMostFactored = 20'000;  // parameters: a factor of 3.2 GB
  const std::size_t n_parameters = (problem.design.n_columns() + 1) * problem.n_outputs();
  if (asked == LinearSolver::newton && n_parameters > kMostFactored) {
    throw InputError(sentence("solver='newton' factors the Hessian of ", n_parameters, " coefficients, more than ",
                              kMostFactored, ": use solver='newton_cg'."));
  }
  if ((by_hessian || asked == LinearSolver::lbfgs) && !smooth) {
    throw InputError(sentence("solver='", name(asked), "' can do no ", problem.is_bounded() ? "bounds" : "L1 penalty",
                              ": use solver='cd'."));
  }
  if (asked != LinearSolver::automatic) return asked;
  return smooth ? suited(problem) : LinearSolver::coordinate_descent;
}

LinearFit solve(const LinearProblem& problem, LinearSolver solver, const Stopping& stopping,
                const Coefficients& start) {
  const Objective objective(problem);
  switch (solver) {
    case LinearSolver::coordinate_descent:
      return coordinate_descent(objective, stopping, start);
    case LinearSolver::newton:
      return newton(objective, stopping, start);
    case LinearSolver::newton_cg:
      return newton_cg(objective, stopping, start);
    default:
      return lbfgs(objective, stopping, start);
  }
}

// The minimum for some of many rows is close to that for all, and costs little.
Coefficients start_by_sample(const LinearProblem& problem, LinearSolver solver, const Coefficients& start) {
  constexpr std::size_t kEvery = 16;
  constexpr std::size_t kRowsAColumn = 50;
  constexpr std::size_t kManyNumbers = std::size_t{1} << 20;
  const std::size_t n = problem.design.n_rows();
  const bool worth_it = n / kEvery >= kRowsAColumn * problem.design.n_columns() &&
                        problem.design.n_stored() >= kManyNumbers && problem.loss.info().has_values &&
                        !problem.loss.info().unit_curvature;
  if (!worth_it) return start;
  const RowSample sample(problem, kEvery);
  constexpr Stopping kRoughly{.tol = 1e-4, .max_iter = 10};
  Coefficients found = solve(sample.problem(), solver, kRoughly, start).coefficients;
  // Rare rows may be missing from the sample: then its minimum is nowhere near that of all.
  const Objective objective(problem);
  return objective.value(found) < objective.value(start) ? found : start;
}

}  // namespace

LinearProblem linear_problem(const Design& design, const LossTable& target, Loss& loss, const LinearParams& params,
                             const LinearExtras& extras) {
  check(params);
  if (design.n_rows() == 0 || design.n_columns() == 0) {
    throw InputError(sentence("X has ", design.n_rows(), " rows and ", design.n_columns(),
                              " features; at least 1 of each is needed."));
  }
  check_target(target, loss.info());
  check_numbers("penalty_factors", extras.penalty_factors, design.n_columns(), at_least(0));
  check_bounds(extras, design.n_columns());
  LinearProblem problem{design, target, loss, extras.offsets, {}, {}, extras.lower, extras.upper};
  problem.fit_intercept = params.fit_intercept;
  for (std::size_t j = 0; j < design.n_columns(); ++j) {
    const double alpha = params.alpha * (extras.penalty_factors.empty() ? 1.0 : extras.penalty_factors[j]);
    problem.l1.push_back(alpha * params.l1_ratio);
    problem.l2.push_back(alpha * (1 - params.l1_ratio));
  }
  return problem;
}

FittedLinear fit_linear(const Design& design, const LossTable& target, Loss& loss, const LinearParams& params,
                        const LinearExtras& extras, const std::function<void()>& look_for_signals) {
  LinearProblem problem = linear_problem(design, target, loss, params, extras);
  problem.look_for_signals = look_for_signals;
  const LinearSolver solver = chosen(problem, params.solver);
  // Below this much work threads would spend as much on meeting.
  constexpr std::size_t kNumbersWorthATeam = 100'000;
  problem.threads = design.n_stored() < kNumbersWorthATeam ? 1 : resolve_threads(params.n_jobs);
  const Stopping stopping{params.tol, params.max_iter};

  std::optional<LinearFit> fit;
  with_team(problem.threads, [&] {
    Coefficients start(problem.n_outputs(), design.n_columns());
    if (extras.start) {
      start = *extras.start;
    } else if (params.fit_intercept) {
      LossTable beside_offsets = target;
      beside_offsets.offsets = problem.offsets;
      start.intercepts = loss.start_scores(beside_offsets, problem.threads);
    }
    const auto run = [&](const LinearProblem& of, const Stopping& until, const Coefficients& from) {
      return solve(of, solver, until, from);
    };
    if (SmoothedLoss::smooths(loss.info())) {
      fit = fit_smoothed(problem, stopping, start, run);
    } else {
      if (!extras.start) start = start_by_sample(problem, solver, start);
      fit = run(problem, stopping, start);
    }
  });
  return {std::move(*fit), solver};
}

}  // namespace curvature
