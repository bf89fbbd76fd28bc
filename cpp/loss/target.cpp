#include "loss/target.hpp"

#include <cmath>
#include <limits>

#include "base/errors.hpp"

namespace curvature {
namespace {

std::string describe(const Domain& domain) {
  if (domain.two_labels) return sentence(domain.low, " or ", domain.high);
  const char* what = domain.whole ? "a whole number " : "";
  constexpr double kMost = std::numeric_limits<double>::max();
  if (domain.high == kMost && domain.low == -kMost) return "finite";
  if (domain.high == kMost)
    return sentence(what, domain.low_open ? "more than " : "at least ", domain.low, " and finite");
  return sentence(what, "in ", domain.low_open ? "(" : "[", domain.low, ", ", domain.high, "]");
}

}  // namespace

void check_target(const LossTable& target, const LossInfo& loss) {
  if (!loss.fits) {
    throw InputError(sentence("loss='", loss.name, "' is a measure only: it has no slope to fit by."));
  }
  double total_weight = 0;
  double total = 0;  // of w |y|
  const double* y = target.columns[0];
  for (std::size_t row = 0; row < target.n_rows; ++row) {
    if (!loss.domain.contain(y[row])) {
      throw InputError(
          sentence("y[", row, "]=", y[row], " must be ", describe(loss.domain), " for loss='", loss.name, "'."));
    }
    total += std::abs(y[row]) * (target.weights ? target.weights[row] : 1.0);
    if (!target.weights) continue;
    if (!(target.weights[row] >= 0 && std::isfinite(target.weights[row]))) {
      throw InputError(sentence("sample_weight[", row, "]=", target.weights[row], " must be at least 0 and finite."));
    }
    total_weight += target.weights[row];
  }
  if (target.weights && !(total_weight > 0)) throw InputError("sample_weight must not be 0 for every row.");
  // Within these, sums, their squares' quotients and the steps of the fixed-point grids stay normal doubles.
  constexpr double kLeast = 1e-250;
  constexpr double kMost = 1e307;
  if (target.weights && !(total_weight >= kLeast && total_weight <= kMost)) {
    throw InputError(sentence("sample_weight has a sum of ", total_weight, "; it must be in [1e-250, 1e307]."));
  }
  if (total != 0 && !(total >= kLeast && total <= kMost)) {
    throw InputError(
        sentence("y has a weighted sum of |y| of ", total, "; it must be 0 or in [1e-250, 1e307]: use another unit."));
  }
}

}  // namespace curvature
