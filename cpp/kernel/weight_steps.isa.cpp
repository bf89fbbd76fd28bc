#include "kernel/weight_steps.hpp"

#include "base/isa_symbol.hpp"
#include "math/simd.hpp"

namespace curvature::kernel {
namespace {

// Those of vectors, and the same on one number, for the last weights, which fill no vector.
using curvature::abs;
using curvature::copy_sign;
using curvature::max;
using curvature::sqrt;
inline double max(double a, double b) { return a > b ? a : b; }
inline double sqrt(double x) { return __builtin_sqrt(x); }
inline double abs(double x) { return __builtin_fabs(x); }
inline double copy_sign(double size, double sign) { return __builtin_copysign(size, sign); }

/// A weight, or a vector of them, and the optimizer's memory, 0 at first.
template <class V>
struct Weight {
  V weight{}, first{}, second{};
};

// Each optimizer has
//   n_states     how many numbers a weight it remembers,
//   velocity     whether the first of them is the last move,
//   decoupled    whether the weight decay stays out of the slope,
//   step(s, g, p)  which moves a weight with slope g and returns the rate by which that weight moves along a steady
//                slope: what the L1 penalty shrinks it by.
template <int states, bool with_velocity = false, bool apart = false>
struct Traits {
  static constexpr int n_states = states;
  static constexpr bool velocity = with_velocity;
  static constexpr bool decoupled = apart;
};

/// w <- w - eta g (Robbins & Monro 1951).
struct PlainSteps : Traits<0> {
  template <class V>
  static V step(Weight<V>& s, V g, const StepNumbers& p) {
    s.weight -= p.eta * g;
    return p.eta - V{};
  }
};

/// v <- mu v - eta g,  w <- w + v (Polyak 1964). With g the slope at w + mu v: Nesterov's (1983, as in Sutskever et al.
/// 2013).
struct Momentum : Traits<1, true> {
  template <class V>
  static V step(Weight<V>& s, V g, const StepNumbers& p) {
    s.first = p.mu * s.first - p.eta * g;
    s.weight += s.first;
    return p.eta - V{};
  }
};

/// s <- s + g^2,  w <- w - eta g / (sqrt(s) + eps) (Duchi, Hazan & Singer 2011).
struct AdaGrad : Traits<1> {
  template <class V>
  static V step(Weight<V>& s, V g, const StepNumbers& p) {
    s.first += g * g;
    const V own = p.eta / (sqrt(s.first) + p.epsilon);
    s.weight -= own * g;
    return own;
  }
};

/// s <- rho s + (1 - rho) g^2,  m = -sqrt(d + eps) / sqrt(s + eps) g,  d <- rho d + (1 - rho) m^2,  w <- w + eta m
/// (Zeiler 2012, where eta = 1).
struct AdaDelta : Traits<2> {
  template <class V>
  static V step(Weight<V>& s, V g, const StepNumbers& p) {
    s.first = p.rho * s.first + (1 - p.rho) * (g * g);
    const V own = sqrt(s.second + p.epsilon) / sqrt(s.first + p.epsilon);
    const V move = own * g;
    s.second = p.rho * s.second + (1 - p.rho) * (move * move);
    s.weight -= p.eta * move;
    return p.eta * own;
  }
};

/// s <- rho s + (1 - rho) g^2,  w <- w - eta g / (sqrt(s) + eps) (Tieleman & Hinton 2012).
struct RmsProp : Traits<1> {
  template <class V>
  static V step(Weight<V>& s, V g, const StepNumbers& p) {
    s.first = p.rho * s.first + (1 - p.rho) * (g * g);
    const V own = p.eta / (sqrt(s.first) + p.epsilon);
    s.weight -= own * g;
    return own;
  }
};

/// m <- b1 m + (1 - b1) g,  s <- b2 s + (1 - b2) g^2,  w <- w - eta m' / (sqrt(s') + eps) with m' = m / (1 - b1^t),
/// s' = s / (1 - b2^t) in step t = 1, 2, … (Kingma & Ba 2015).
template <bool apart>
struct AnyAdam : Traits<2, false, apart> {
  template <class V>
  static V remember(Weight<V>& s, V g, const StepNumbers& p) {
    s.first = p.b1 * s.first + (1 - p.b1) * g;
    s.second = p.b2 * s.second + (1 - p.b2) * (g * g);
    return p.eta / (sqrt(s.second * (1 / p.second_share)) + p.epsilon);
  }
  template <class V>
  static V step(Weight<V>& s, V g, const StepNumbers& p) {
    const V own = remember(s, g, p);
    s.weight -= own * (s.first * (1 / p.first_share));
    return own;
  }
};
using Adam = AnyAdam<false>;

/// Adam with w <- w - eta lambda w beside the step (Loshchilov & Hutter 2019).
using AdamW = AnyAdam<true>;

/// Adam with m' = b1 m / (1 - b1^(t + 1)) + (1 - b1) g / (1 - b1^t): Nesterov's look ahead (Dozat 2016, b1 constant).
struct Nadam : Adam {
  template <class V>
  static V step(Weight<V>& s, V g, const StepNumbers& p) {
    const V own = remember(s, g, p);
    s.weight -= own * (s.first * (p.b1 / p.next_share) + g * ((1 - p.b1) / p.first_share));
    return own;
  }
};

// One number, or a vector of neighbours.
template <class Steps, bool with_l1, class V>
inline void step_at(std::size_t j, const StepNumbers& numbers, const StepArrays& arrays) {
  const V slope = load<V>(arrays.slopes + j) + load<V>(arrays.l2 + j) * load<V>(arrays.at + j);
  store(arrays.slopes + j, V{});
  Weight<V> s;
  s.weight = load<V>(arrays.weights + j);
  if constexpr (Steps::n_states > 0) s.first = load<V>(arrays.first + j);
  if constexpr (Steps::n_states > 1) s.second = load<V>(arrays.second + j);
  if constexpr (Steps::decoupled) s.weight -= numbers.eta * load<V>(arrays.decay + j) * s.weight;
  const V own = Steps::step(s, slope, numbers);
  if constexpr (with_l1) {
    const V shrunk = copy_sign(max(abs(s.weight) - own * load<V>(arrays.l1 + j), V{}), s.weight);
    if constexpr (Steps::velocity) s.first += shrunk - s.weight;  // the move that was made
    s.weight = shrunk;
  }
  store(arrays.weights + j, s.weight);
  if constexpr (Steps::n_states > 0) store(arrays.first + j, s.first);
  if constexpr (Steps::n_states > 1) store(arrays.second + j, s.second);
}

template <class Steps, bool with_l1>
void step_through(const StepNumbers& given, const StepArrays& arrays) {
  const StepNumbers numbers = given;  // a copy that no store can change
  std::size_t j = 0;
  for (; j + kLanes <= arrays.n; j += kLanes) step_at<Steps, with_l1, Doubles>(j, numbers, arrays);
  for (; j < arrays.n; ++j) step_at<Steps, with_l1, double>(j, numbers, arrays);
}

template <class Steps>
void step_all(const StepNumbers& numbers, const StepArrays& arrays) {
  if (arrays.l1) {
    step_through<Steps, true>(numbers, arrays);
  } else {
    step_through<Steps, false>(numbers, arrays);
  }
}

template <class Steps>
constexpr WeightSteps steps_of() {
  return {step_all<Steps>, Steps::n_states};
}

}  // namespace

extern const WeightStepTable CURVATURE_ISA_SYMBOL(weight_step_table){
    steps_of<PlainSteps>(), steps_of<Momentum>(), steps_of<AdaGrad>(), steps_of<AdaDelta>(),
    steps_of<RmsProp>(),    steps_of<Adam>(),     steps_of<Nadam>(),   steps_of<AdamW>(),
};

}  // namespace curvature::kernel
