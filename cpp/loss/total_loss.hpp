// The loss of all rows together, as a function of scores that they share.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "base/errors.hpp"
#include "loss/loss.hpp"

namespace curvature {

/// Weighted sums along one score.
struct Totals {
  double value = 0;
  double value_size = 0;  // sum of w |l|
  double slope = 0;
  double slope_size = 0;  // sum of w |dl/df|
  double bend = 0;
  double weight = 0;

  void add(const Totals& other) {
    value += other.value;
    value_size += other.value_size;
    slope += other.slope;
    slope_size += other.slope_size;
    bend += other.bend;
    weight += other.weight;
  }
  [[nodiscard]] bool finite() const { return std::isfinite(value) && std::isfinite(slope) && std::isfinite(bend); }
};

/// Weighted sums along all scores at once.
struct JointTotals {
  double value = 0;
  double value_size = 0;
  std::vector<double> slopes;
  std::vector<double> bends;

  void add(const JointTotals& other);
  [[nodiscard]] bool finite() const;
};

/// The loss and the table are the caller's and must outlive this.
class TotalLoss {
 public:
  TotalLoss(const Loss& loss, const LossTable& table, int threads) : loss_(loss), table_(table), threads_(threads) {}

  /// A pass over all rows. Both are as much work: losses give the derivatives of all outputs.
  [[nodiscard]] Totals at(const std::vector<double>& scores, std::size_t output) const;
  [[nodiscard]] JointTotals jointly_at(const std::vector<double>& scores) const;
  /// Names the first row to blame for a total that is not finite.
  [[nodiscard]] InputError not_finite(const std::vector<double>& scores) const;

 private:
  template <class Sum, class Visit>
  [[nodiscard]] Sum summed(const std::vector<double>& scores, const Sum& nothing, Visit&& visit) const;

  const Loss& loss_;
  const LossTable& table_;
  int threads_;
};

/// Moves many scores together close to a minimum; one after the other they would take a pass over all rows for each.
/// Whether a minimum was reached.
bool descend_jointly(const TotalLoss& loss, std::vector<double>& scores);

}  // namespace curvature
