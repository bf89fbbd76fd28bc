// The built-in losses by name.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/instruction_set.hpp"
#include "loss/loss.hpp"

namespace curvature {

using NamedValues = std::vector<std::pair<std::string, double>>;

/// Parameters that are not named take their defaults; `n_classes` and `of_shares` (y is a share a class, not a class)
/// are read by softmax alone. Throws InputError for an unknown name, an unknown parameter, or a value out of its
/// bounds.
[[nodiscard]] std::shared_ptr<Loss> make_loss(const std::string& name, const NamedValues& parameters,
                                              std::size_t n_classes, InstructionSet set, bool of_shares = false);

struct LossParameter {
  std::string name;
  double default_value;
  std::string allowed;
  std::string doc;
};

/// A built-in and its parameters; `info` is that of the defaults, and of two classes.
struct KnownLoss {
  LossInfo info;
  std::vector<LossParameter> parameters;
};

[[nodiscard]] std::vector<KnownLoss> known_losses();

}  // namespace curvature
