// What is known of a built-in loss at compile time.
#pragma once

#include <cstddef>
#include <tuple>

#include "base/parameters.hpp"
#include "loss/derivatives.hpp"
#include "loss/leaf_rule.hpp"
#include "math/link.hpp"

namespace curvature {

/// How the score is found that all rows start from.
enum class StartRule {
  mean,      // the score of the mean of y
  quantile,  // the quantile that the loss estimates
  search,    // as any loss finds it
  zero,
};

/// Each built-in is an empty struct, or one of doubles with a table `fields()`, that has these as `description`, and
///   at(y, f)                value and derivatives of a vector of rows, the exact Hessian among them
/// or, where they are made of one exponential, which the loops compute for many rows at a time (math/exponential_rows),
///   exponent(y, f)          what e = e^exponent is taken of
///   at(y, f, e)             value and derivatives; the derivatives by at(y, f) if there is one, too
///   curvature(y, f, at)     where a step needs another: at least 0
struct Description {
  const char* name;
  Link link = Link::identity;
  Domain domain{};
  LeafRule leaf_rule = LeafRule::newton;
  StartRule start = StartRule::search;
  bool unit_curvature = false;
  bool of_residual = false;
  bool fits = true;
  bool few_operations = false;  // beside the exponential that it names
};

inline constexpr Domain kShares{.low = 0, .high = 1};
inline constexpr Domain kBinaryLabels{.low = 0, .high = 1, .two_labels = true};
inline constexpr Domain kSignedLabels{.low = -1, .high = 1, .two_labels = true};
inline constexpr Domain kNotNegative{.low = 0};
inline constexpr Domain kPositive{.low = 0, .low_open = true};

/// The parameters of a built-in, in the order in which they are passed to its loops.
template <class L>
[[nodiscard]] constexpr auto fields_of() {
  if constexpr (requires { L::fields(); }) {
    return L::fields();
  } else {
    return std::tuple<>{};
  }
}

template <class L>
[[nodiscard]] L with_parameters([[maybe_unused]] const double* parameters) {
  L loss;
  std::apply([&](const auto&... field) { ((loss.*field.member = *parameters++), ...); }, fields_of<L>());
  return loss;
}

}  // namespace curvature
