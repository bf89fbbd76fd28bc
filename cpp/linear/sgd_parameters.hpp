// What shapes a fit by stochastic gradient descent and its kin.
#pragma once

#include <cstdint>
#include <tuple>

#include "base/parameters.hpp"

namespace curvature {

enum class Optimizer { sgd, momentum, nag, adagrad, adadelta, rmsprop, adam, nadam, adamw };
enum class Schedule { constant, inverse, inverse_scaling, exponential, cosine, plateau };

struct SgdParams {
  Optimizer optimizer = Optimizer::sgd;
  Schedule schedule = Schedule::constant;
  double learning_rate = 0.01;
  double momentum = 0.9;
  double second_momentum = 0.999;
  double rho = 0.9;
  double epsilon = 1e-8;
  double weight_decay = 0;
  std::int32_t batch_size = 32;  // 0: all rows
  std::int32_t accumulate = 1;
  double clip_value = 0;  // 0: none
  double clip_norm = 0;   // 0: none
  double decay = 1e-4;
  double power = 0.5;
  std::int32_t warm_up = 0;
  bool average = false;
  bool shuffle = true;
  bool early_stopping = false;
  double validation_fraction = 0.1;
  std::int32_t n_iter_no_change = 5;

  static constexpr auto fields() {
    return std::tuple{
        Field{"learning_rate", &SgdParams::learning_rate, more_than(0), "rate of the first step"},
        Field{"momentum", &SgdParams::momentum, Bounds{.low = 0, .high = 1, .high_open = true},
              "share of the last move that goes on (momentum, nag); decay of the mean slope (adam, nadam, adamw)"},
        Field{"second_momentum", &SgdParams::second_momentum, Bounds{.low = 0, .high = 1, .high_open = true},
              "decay of the mean squared slope (adam, nadam, adamw)"},
        Field{"rho", &SgdParams::rho, Bounds{.low = 0, .high = 1, .high_open = true},
              "decay of the mean squares (adadelta, rmsprop)"},
        Field{"epsilon", &SgdParams::epsilon, more_than(0), "keeps the divisors of the adaptive optimizers from 0"},
        Field{"weight_decay", &SgdParams::weight_decay, at_least(0),
              "times the weights, added to the slope (adamw: taken off beside the step)"},
        Field{"batch_size", &SgdParams::batch_size, between(1, 1 << 30).or_none(), "rows a batch; None: all"},
        Field{"accumulate", &SgdParams::accumulate, between(1, 1 << 30), "batches whose slopes make one step"},
        Field{"clip_value", &SgdParams::clip_value, more_than(0).or_none(), "most that a slope may be; None: no limit"},
        Field{"clip_norm", &SgdParams::clip_norm, more_than(0).or_none(),
              "most that the norm of all slopes may be; None: no limit"},
        Field{"decay", &SgdParams::decay, at_least(0), "k of the schedules inverse and exponential, a step"},
        Field{"power", &SgdParams::power, at_least(0), "exponent of the schedule inverse_scaling"},
        Field{"warm_up", &SgdParams::warm_up, between(0, 1 << 30), "steps over which the rate grows from 0"},
        Field{"validation_fraction", &SgdParams::validation_fraction, inside(0, 1),
              "share of the rows held out for early stopping"},
        Field{"n_iter_no_change", &SgdParams::n_iter_no_change, between(1, 1 << 30),
              "epochs without progress before a fit stops, or the schedule plateau lowers the rate"}};
  }
};

}  // namespace curvature
