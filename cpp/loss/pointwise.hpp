// A built-in loss of one score, from the loops of its instruction set.
#pragma once

#include <vector>

#include "loss/description.hpp"
#include "loss/loss.hpp"
#include "loss/pointwise_loops.hpp"

namespace curvature {

class PointwiseLoss final : public Loss {
 public:
  /// `loops` live as long as the program.
  PointwiseLoss(LossInfo info, StartRule start, std::vector<double> parameters, const PointwiseLoops& loops)
      : Loss(std::move(info)), start_(start), parameters_(std::move(parameters)), loops_(loops) {}

  void values(const LossRows& rows, double* out) const override {
    loops_.values(rows.columns[0] + rows.begin, rows.scores[0] + rows.begin, parameters_.data(), rows.size, out);
  }
  void derivatives(const LossRows& rows, double* const* gradients, double* const* hessians) const override {
    loops_.derivatives(rows.columns[0] + rows.begin, rows.scores[0] + rows.begin, parameters_.data(), rows.size,
                       gradients[0], hessians[0]);
  }
  void steps(const LossRows& rows, double* const* gradients, double* const* curvatures) const override {
    loops_.steps(rows.columns[0] + rows.begin, rows.scores[0] + rows.begin, parameters_.data(), rows.size, gradients[0],
                 curvatures[0]);
  }
  [[nodiscard]] std::vector<double> start_scores(const LossTable& table, int threads) const override;

 private:
  /// Of losses whose least constant score follows from the mean of y, where there is no offset.
  [[nodiscard]] std::vector<double> start_of_mean(const LossTable& table, int threads) const;

  StartRule start_;
  std::vector<double> parameters_;
  const PointwiseLoops& loops_;
};

}  // namespace curvature
