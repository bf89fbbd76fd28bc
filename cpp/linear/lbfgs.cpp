#include "linear/lbfgs.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <optional>

#include "linear/conjugate_gradients.hpp"

namespace curvature {
namespace {

using Vector = Direction;

// The last steps and the changes of the slope that they brought.
class History {
 public:
  void remember(Vector step, Vector change) {
    const double product = dot(step, change);
    // No bend was seen, or too little to be told from rounding.
    if (!(product > 1e-14 * std::sqrt(dot(step, step) * dot(change, change)))) return;
    if (pairs_.size() == kMost) pairs_.pop_front();
    pairs_.push_back({std::move(step), std::move(change), 1 / product});
  }
  void forget() { pairs_.clear(); }

  // v = B v
  void apply(Vector& v, const Preconditioner& preconditioner) const {
    Vector along(pairs_.size());
    for (std::size_t i = pairs_.size(); i-- > 0;) {
      along[i] = pairs_[i].inverse * dot(pairs_[i].step, v);
      add(v, -along[i], pairs_[i].change);
    }
    preconditioner.apply(v);
    if (!pairs_.empty()) {
      const Pair& last = pairs_.back();
      Vector scaled = last.change;
      preconditioner.apply(scaled);
      const double length = dot(last.change, scaled);
      if (length > 0) {
        for (double& x : v) x /= last.inverse * length;
      }
    }
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      add(v, along[i] - pairs_[i].inverse * dot(pairs_[i].change, v), pairs_[i].step);
    }
  }

 private:
  static constexpr std::size_t kMost = 10;
  struct Pair {
    Vector step;
    Vector change;
    double inverse;  // 1 / step . change
  };
  std::deque<Pair> pairs_;
};

}  // namespace

LinearFit lbfgs(const Objective& objective, const Stopping& stopping, const Coefficients& start) {
  constexpr double kRounding = 4 * std::numeric_limits<double>::epsilon();
  constexpr int kOldest = 15;  // steps after which the curvature of the preconditioner is taken anew
  LinearFit fit{start};
  Walk walk(objective, start);
  std::optional<Preconditioner> preconditioner;
  History history;
  Curvature which = Curvature::exact;
  int age = 0;
  const auto renew = [&] {
    walk.refresh(which);
    preconditioner.emplace(objective, walk.centers(), walk.g(), walk.h());
    history.forget();
    age = 0;
  };
  const auto is_at_rest = [&](double along) {
    fit.gap = -0.5 * along / std::max(std::abs(walk.value()), std::numeric_limits<double>::min());
    return along <= 0 && fit.gap <= std::max(stopping.tol, kRounding);
  };
  // Newton's direction, where the loss has all second derivatives; else the steeper of the given one and that of the
  // preconditioner alone.
  const auto by_curvature = [&](const Vector& direction) -> NewtonDirection {
    if (HessianProducts::exist(walk.problem().loss.info())) {
      constexpr double kShare = 0.1;  // of the slope that is left: of the gap a hundredth
      HessianProducts hessian(objective, walk);
      hessian.renew(which);
      return newton_direction(hessian, *preconditioner, walk.slope(), kShare);
    }
    Vector steepest = walk.slope();
    for (double& x : steepest) x = -x;
    preconditioner->apply(steepest);
    const bool is_steeper = dot(steepest, walk.slope()) < dot(direction, walk.slope());
    return {is_steeper ? steepest : direction, true};
  };
  renew();
  while (fit.n_iter < stopping.max_iter) {
    if (walk.problem().look_for_signals) walk.problem().look_for_signals();
    Vector direction = walk.slope();
    for (double& x : direction) x = -x;
    history.apply(direction, *preconditioner);
    double along = dot(direction, walk.slope());
    bool at_rest = false;
    if (is_at_rest(along)) {  // what the recursion says must hold for the curvature here, too
      if (age > 0) renew();
      auto [newton, solved] = by_curvature(direction);
      along = dot(newton, walk.slope());
      at_rest = solved && is_at_rest(along);
      if (along < 0) direction = std::move(newton);
    }
    ++fit.n_iter;
    const Vector before = walk.slope();
    const double length = along < 0 ? walk.go(direction, along) : 0;
    if (at_rest) {
      fit.converged = true;
      break;
    }
    if (length > 0) {
      Vector bend = walk.slope();
      add(bend, -1, before);
      for (double& x : direction) x *= length;
      history.remember(std::move(direction), std::move(bend));
      if (++age < kOldest) continue;
    } else if (age == 0) {
      if (which == Curvature::unit) {
        fit.advice = "the objective does not fall any more: scale the columns, or raise alpha";
        break;
      }
      which = which == Curvature::exact ? Curvature::safe : Curvature::unit;
    }
    renew();
  }
  fit.coefficients = walk.at();
  fit.objective = walk.value();
  return fit;
}

}  // namespace curvature
