// The one list of the losses of a single score. Softmax, of several, stands apart.
// Included by sources that are compiled once per instruction set, hence the anonymous namespace; math/ comes first.
#pragma once

#include "loss/counts.hpp"
#include "loss/labels.hpp"
#include "loss/margins.hpp"
#include "loss/regression.hpp"
#include "loss/robust.hpp"

namespace curvature {
namespace {

template <class... L>
struct LossList {};

using BuiltinLosses =
    LossList<Squared, Absolute, Huber, PseudoHuber, LogCosh, Quantile, Expectile, EpsilonInsensitive, SquaredLog,
             Asymmetric, Poisson, Gamma, Tweedie, NegativeBinomial, Logistic, KullbackLeibler, Focal, Exponential,
             Hinge, SquaredHinge, ModifiedHuber, Perceptron, ZeroOne>;

}  // namespace
}  // namespace curvature
