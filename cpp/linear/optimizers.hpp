// First-order optimizers: what a step does to one weight, and the loop over the weights that all of them share.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "linear/sgd_parameters.hpp"

namespace curvature {

/// The numbers that one weight's step reads and writes. `first` and `second` are the optimizer's memory, 0 at first.
struct WeightState {
  double& weight;
  double& first;
  double& second;
};

// Each optimizer has
//   n_states     how many numbers a weight it remembers,
//   velocity     whether the first of them is the last move,
//   decoupled    whether the weight decay stays out of the slope,
//   step(s, g, eta)  which moves a weight with slope g at rate eta and returns the rate by which that weight moves
//                along a steady slope: what the L1 penalty shrinks it by.
template <int states, bool with_velocity = false, bool apart = false>
struct Traits {
  static constexpr int n_states = states;
  static constexpr bool velocity = with_velocity;
  static constexpr bool decoupled = apart;
};

/// w <- w - eta g (Robbins & Monro 1951).
struct PlainSteps : Traits<0> {
  static double step(WeightState s, double g, double eta) {
    s.weight -= eta * g;
    return eta;
  }
};

/// v <- mu v - eta g,  w <- w + v (Polyak 1964).
struct Momentum : Traits<1, true> {
  double mu;
  explicit Momentum(double momentum) : mu(momentum) {}
  double step(WeightState s, double g, double eta) const {
    s.first = mu * s.first - eta * g;
    s.weight += s.first;
    return eta;
  }
};

/// As momentum, g being the slope at w + mu v (Nesterov 1983, as in Sutskever et al. 2013).
struct Nesterov : Momentum {
  using Momentum::Momentum;
};

/// s <- s + g^2,  w <- w - eta g / (sqrt(s) + eps) (Duchi, Hazan & Singer 2011).
struct AdaGrad : Traits<1> {
  double epsilon;
  explicit AdaGrad(double eps) : epsilon(eps) {}
  double step(WeightState s, double g, double eta) const {
    s.first += g * g;
    const double own = eta / (std::sqrt(s.first) + epsilon);
    s.weight -= own * g;
    return own;
  }
};

/// s <- rho s + (1 - rho) g^2,  m = -sqrt(d + eps) / sqrt(s + eps) g,  d <- rho d + (1 - rho) m^2,  w <- w + eta m
/// (Zeiler 2012, where eta = 1).
struct AdaDelta : Traits<2> {
  double rho, epsilon;
  AdaDelta(double decay, double eps) : rho(decay), epsilon(eps) {}
  double step(WeightState s, double g, double eta) const {
    s.first = rho * s.first + (1 - rho) * (g * g);
    const double own = std::sqrt(s.second + epsilon) / std::sqrt(s.first + epsilon);
    const double move = own * g;
    s.second = rho * s.second + (1 - rho) * (move * move);
    s.weight -= eta * move;
    return eta * own;
  }
};

/// s <- rho s + (1 - rho) g^2,  w <- w - eta g / (sqrt(s) + eps) (Tieleman & Hinton 2012).
struct RmsProp : Traits<1> {
  double rho, epsilon;
  RmsProp(double decay, double eps) : rho(decay), epsilon(eps) {}
  double step(WeightState s, double g, double eta) const {
    s.first = rho * s.first + (1 - rho) * (g * g);
    const double own = eta / (std::sqrt(s.first) + epsilon);
    s.weight -= own * g;
    return own;
  }
};

/// m <- b1 m + (1 - b1) g,  s <- b2 s + (1 - b2) g^2,  w <- w - eta m' / (sqrt(s') + eps) with m' = m / (1 - b1^t),
/// s' = s / (1 - b2^t) in step t = 1, 2, … (Kingma & Ba 2015).
struct Adam : Traits<2> {
  double b1, b2, epsilon, first_share, second_share;
  Adam(const SgdParams& params, std::int64_t t)
      : b1(params.momentum),
        b2(params.second_momentum),
        epsilon(params.epsilon),
        first_share(1 - std::pow(b1, static_cast<double>(t))),
        second_share(1 - std::pow(b2, static_cast<double>(t))) {}
  double step(WeightState s, double g, double eta) const {
    s.first = b1 * s.first + (1 - b1) * g;
    s.second = b2 * s.second + (1 - b2) * (g * g);
    const double own = eta / (std::sqrt(s.second / second_share) + epsilon);
    s.weight -= own * (s.first / first_share);
    return own;
  }
};

/// Adam with m' = b1 m / (1 - b1^(t + 1)) + (1 - b1) g / (1 - b1^t): Nesterov's look ahead (Dozat 2016, b1 constant).
struct Nadam : Adam {
  double next_share;
  Nadam(const SgdParams& params, std::int64_t t)
      : Adam(params, t), next_share(1 - std::pow(b1, static_cast<double>(t + 1))) {}
  double step(WeightState s, double g, double eta) const {
    s.first = b1 * s.first + (1 - b1) * g;
    s.second = b2 * s.second + (1 - b2) * (g * g);
    const double own = eta / (std::sqrt(s.second / second_share) + epsilon);
    s.weight -= own * (b1 * s.first / next_share + (1 - b1) * g / first_share);
    return own;
  }
};

/// Adam with w <- w - eta lambda w beside the step (Loshchilov & Hutter 2019).
struct AdamW : Adam {
  static constexpr bool decoupled = true;
  using Adam::Adam;
};

/// All that a step of all weights reads and writes, arrays of n; `first` and `second` where the optimizer remembers.
struct StepArrays {
  std::size_t n = 0;
  double* weights = nullptr;
  const double* at = nullptr;  // where the slopes were taken: the weights, or (nag) ahead of them
  double* slopes = nullptr;    // of the loss; 0 afterwards
  double* first = nullptr;
  double* second = nullptr;
  const double* l2 = nullptr;     // slope of the penalty and of the weight decay per weight
  const double* l1 = nullptr;     // null: none
  const double* decay = nullptr;  // the decay beside the step, where decoupled
};

namespace detail {

template <bool with_l1, class Steps>
void step_all(const Steps& steps, const StepArrays& arrays, double eta) {
  double unused = 0;
#pragma GCC ivdep
  for (std::size_t j = 0; j < arrays.n; ++j) {
    const double slope = arrays.slopes[j] + arrays.l2[j] * arrays.at[j];
    arrays.slopes[j] = 0;
    double weight = arrays.weights[j];
    double first = Steps::n_states > 0 ? arrays.first[j] : unused;
    double second = Steps::n_states > 1 ? arrays.second[j] : unused;
    if constexpr (Steps::decoupled) weight -= eta * arrays.decay[j] * weight;
    const double own = steps.step({weight, first, second}, slope, eta);
    if constexpr (with_l1) {
      const double shrunk = std::copysign(std::max(std::abs(weight) - own * arrays.l1[j], 0.0), weight);
      if constexpr (Steps::velocity) first += shrunk - weight;  // the move that was made
      weight = shrunk;
    }
    arrays.weights[j] = weight;
    if constexpr (Steps::n_states > 0) arrays.first[j] = first;
    if constexpr (Steps::n_states > 1) arrays.second[j] = second;
  }
}

}  // namespace detail

/// Calls visit(optimizer) with that of step t = 1, 2, …
template <class Visit>
decltype(auto) with_optimizer(const SgdParams& params, std::int64_t t, Visit&& visit) {
  switch (params.optimizer) {
    case Optimizer::momentum:
      return visit(Momentum(params.momentum));
    case Optimizer::nag:
      return visit(Nesterov(params.momentum));
    case Optimizer::adagrad:
      return visit(AdaGrad(params.epsilon));
    case Optimizer::adadelta:
      return visit(AdaDelta(params.rho, params.epsilon));
    case Optimizer::rmsprop:
      return visit(RmsProp(params.rho, params.epsilon));
    case Optimizer::adam:
      return visit(Adam(params, t));
    case Optimizer::nadam:
      return visit(Nadam(params, t));
    case Optimizer::adamw:
      return visit(AdamW(params, t));
    case Optimizer::sgd:
      break;
  }
  return visit(PlainSteps{});
}

/// Step t = 1, 2, … of all weights: slopes of the loss and of the penalty's L2 part, then its L1 part by shrinking,
/// which is exact where a plain step is exact (a proximal step).
inline void step_all(const SgdParams& params, std::int64_t t, const StepArrays& arrays, double eta) {
  with_optimizer(params, t, [&](const auto& steps) {
    if (arrays.l1) {
      detail::step_all<true>(steps, arrays, eta);
    } else {
      detail::step_all<false>(steps, arrays, eta);
    }
  });
}

}  // namespace curvature
