// How the rate of the steps changes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "linear/sgd_parameters.hpp"

namespace curvature {

/// The schedule `plateau` multiplies the rate by this where an epoch makes no more progress, as scikit-learn's
/// 'adaptive'; below kLeastRate of the schedule's rate a fit stops.
inline constexpr double kPlateauFactor = 0.2;
inline constexpr double kLeastRate = 1e-6;

/// The rate of a step, t of them having been made, with `done` of all epochs over:
///   constant eta,  inverse eta / (1 + k t),  inverse_scaling eta / (t + 1)^power,  exponential eta e^(-k t),
///   cosine eta (1 + cos(pi done)) / 2, which ends at 0 (Loshchilov & Hutter 2017),
///   plateau eta, lowered from outside; all times min(1, (t + 1) / warm_up).
[[nodiscard]] inline double rate_at(const SgdParams& params, std::int64_t t, double done) {
  const auto steps = static_cast<double>(t);
  const double warmth = steps + 1 < params.warm_up ? (steps + 1) / params.warm_up : 1.0;
  const double eta = params.learning_rate * warmth;
  switch (params.schedule) {
    case Schedule::inverse:
      return eta / (1 + params.decay * steps);
    case Schedule::inverse_scaling:
      return eta / std::pow(steps + 1, params.power);
    case Schedule::exponential:
      return eta * std::exp(-params.decay * steps);
    case Schedule::cosine:
      return eta * (1 + std::cos(std::numbers::pi * std::min(done, 1.0))) / 2;
    case Schedule::constant:
    case Schedule::plateau:
      break;
  }
  return eta;
}

}  // namespace curvature
