// The softmax loss: as many scores a row as there are classes.
#pragma once

#include <vector>

#include "loss/loss.hpp"
#include "loss/softmax_loops.hpp"

namespace curvature {

/// Multinomial log-likelihood; y is the class, 0 to K - 1.
///   value log(sum of e^f_k) - f_y     gradient p_k - [y = k]     hessian p_k (1 - p_k), the diagonal, and -p_k p_l
///   with p_k = e^f_k / sum of e^f_j
class SoftmaxLoss final : public Loss {
 public:
  /// Throws InputError for fewer than 2 classes.
  SoftmaxLoss(std::size_t n_classes, InstructionSet set);

  void values(const LossRows& rows, double* out) const override;
  void derivatives(const LossRows& rows, double* const* gradients, double* const* hessians) const override;
  /// -p_k p_l
  void mixed_derivatives(const LossRows& rows, double* const* mixed) const override;
  /// The logarithms of the classes' shares.
  [[nodiscard]] std::vector<double> start_scores(const LossTable& table, int threads) const override;

 private:
  const SoftmaxTable& loops_;
};

}  // namespace curvature
