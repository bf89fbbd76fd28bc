// Linear models by stochastic gradient descent and its kin.
#pragma once

#include "linear/parameters.hpp"
#include "linear/problem.hpp"
#include "linear/sgd_parameters.hpp"
#include "linear/sgd_state.hpp"

namespace curvature {

/// A batch B of b rows stands for F by
///   sum over B of w_i l_i / (b mean(w)) + the L2 penalty,
/// and each step is followed by the L1 penalty's proximal step. So all rows in a batch make gradient descent on F, and
/// single rows of weight 1 the textbook's stochastic steps; the last batch of an epoch, where shorter, makes a smaller
/// step. Weights and intercepts start at 0. The recurrence is the same for any number of threads, which share large
/// batches alone, in fixed parts.
///
/// Where a score or a weight is not finite, the call begins again with half the rate.
class SgdFit {
 public:
  SgdFit(const SgdParams& params, const LinearParams& linear);
  /// Goes on from a state.
  SgdFit(const SgdParams& params, const LinearParams& linear, SgdState state);

  /// From the beginning, at `start` if given: epochs until no more progress is made, or max_iter. Progress is a fall of
  /// the hold-out's loss, or without one of the mean objective over an epoch, by tol of its size.
  LinearFit fit(const LinearProblem& problem, const Coefficients* start = nullptr);
  /// One more epoch, over these rows; none after the hold-out has stopped the fit.
  void partial_fit(const LinearProblem& problem);

  [[nodiscard]] Coefficients coefficients() const { return state_.coefficients(); }
  [[nodiscard]] const SgdState& state() const { return state_; }

 private:
  bool run_from(SgdState state, const LinearProblem& problem, std::int64_t epochs, bool may_stop);
  /// Whether the rule of stopping ended it.
  bool run(const LinearProblem& problem, std::int64_t epochs, bool may_stop);
  bool note_progress(double value);

  SgdParams params_;
  LinearParams linear_;
  SgdState state_;
};

}  // namespace curvature
