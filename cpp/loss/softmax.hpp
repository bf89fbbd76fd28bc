// The softmax loss: as many scores a row as there are classes.
#pragma once

#include <vector>

#include "loss/loss.hpp"
#include "loss/softmax_loops.hpp"

namespace curvature {

/// Multinomial log-likelihood; y is the class, 0 to K - 1, or K columns are shares s_k of the classes that sum to 1 (in
/// place of [y = k]).
///   value log(sum of e^f_k) - f_y     gradient p_k - [y = k]     hessian p_k (1 - p_k), the diagonal, and -p_k p_l
///   with p_k = e^f_k / sum of e^f_j
class SoftmaxLoss final : public Loss {
 public:
  /// Throws InputError for fewer than 2 classes.
  SoftmaxLoss(std::size_t n_classes, InstructionSet set, bool of_shares = false);

  void values(const LossRows& rows, double* out) const override;
  void derivatives(const LossRows& rows, double* const* gradients, double* const* hessians) const override;
  /// The smaller of p_k and 1 - p_k, with a minus sign where that is 1 - p_k.
  void pack_steps(const LossRows& rows, double* const* packed) const override;
  void unpack_steps(const LossRows& rows, std::size_t output, const double* packed, double* gradients,
                    double* curvatures) const override;
  /// -p_k p_l
  void mixed_derivatives(const LossRows& rows, double* const* mixed) const override;
  /// Without offsets the logarithms of the classes' shares; a class without weight is next to none, or as
  /// `weight_of_absent` has it.
  [[nodiscard]] std::vector<double> start_scores(const LossTable& table, int threads) const override;

 private:
  [[nodiscard]] bool of_shares() const { return info_.n_columns > 1; }
  /// Adds a row's weight to the totals of its classes.
  void count(const LossTable& table, std::size_t row, double* totals) const;

  const SoftmaxTable& loops_;
};

}  // namespace curvature
