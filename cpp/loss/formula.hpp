// A loss that a user wrote as a formula.
#pragma once

#include <cstddef>
#include <string>

#include "expr/graph.hpp"
#include "expr/program.hpp"
#include "loss/loss.hpp"

namespace curvature {

/// l(columns, scores) as a node of a graph whose variables [0, n_columns) are the columns, y the first of them, and
/// those behind them the scores. Its derivatives are exact. A step's curvature is
///   1                         for straight pieces (all second derivatives are 0): leaves are searched
///   |l'|                      along a score of several for which it is so (|y - f_0| e^-f_1 + f_1): they too
///   max(|l''|, l' / (f - y))  for a smooth function of f - y: a parabola of curvature l' / (f - y) lies above robust
///                             losses, whose l'' vanishes far out
///   |l''|                     otherwise
class FormulaLoss final : public Loss {
 public:
  /// Throws InputError where there is no column or no score, or where the formula has no derivative.
  FormulaLoss(Graph graph, NodeId value, std::size_t n_columns, std::size_t n_outputs, const std::string& name,
              InstructionSet set);

  void values(const LossRows& rows, double* out) const override;
  void derivatives(const LossRows& rows, double* const* gradients, double* const* hessians) const override;
  void steps(const LossRows& rows, double* const* gradients, double* const* curvatures) const override;
  /// Of up to 8 scores.
  void mixed_derivatives(const LossRows& rows, double* const* mixed) const override;

 private:
  struct Parts;
  explicit FormulaLoss(Parts&& parts);
  void run(const Program& program, const LossRows& rows, double* const* first, double* const* second) const;

  Program value_;
  Program derivatives_;  // gradients, then Hessians
  Program steps_;        // gradients, then curvatures
  Program mixed_;        // none where there is one score, or many
};

}  // namespace curvature
