// A loss as the fitting code sees it: blocks of rows in; values, derivatives and steps out.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "loss/derivatives.hpp"
#include "loss/leaf_rule.hpp"
#include "math/link.hpp"

namespace curvature {

/// Rows [begin, begin + size) of what a loss reads: the columns of y, then those of further data, and a column of raw
/// scores an output. The pointers are those of whole columns; results go to blocks of `size`.
struct LossRows {
  const double* const* columns = nullptr;
  const double* const* scores = nullptr;
  std::size_t begin = 0;
  std::size_t size = 0;
};

/// All rows of a fit with their weights (null: all 1).
struct LossTable {
  std::vector<const double*> columns;
  const double* weights = nullptr;
  std::size_t n_rows = 0;
  std::vector<const double*> offsets = {};  // none, or a column an output, that is added to its scores
  double absent_weight = 0;  // at most what a class without rows counts for in start scores; 0: next to nothing
};

/// What is known of one score of a formula.
struct OutputInfo {
  bool in_unit_of_y = false;  // another unit of y gives the same model
  bool straight = false;      // the loss is made of straight pieces along this score
};

/// What is known of a loss beforehand.
struct LossInfo {
  std::string name;
  std::size_t n_columns = 1;  // that it reads
  std::size_t n_outputs = 1;  // scores a row
  Link link = Link::identity;
  Domain domain;  // of the first column
  LeafRule leaf_rule = LeafRule::newton;
  double quantile_level = 0.5;         // LeafRule::quantile: the level,
  double insensitive_width = 0;        // and the half width of the stretch around y that costs nothing
  double dispersion = 1;               // of the negative binomial
  bool unit_curvature = false;         // the curvature of a step is 1 for every row: its sums are sums of weights
  bool of_residual = false;            // a function of y - f alone
  std::vector<OutputInfo> outputs;     // of formulas
  bool has_values = true;              // false: derivatives only
  bool has_mixed_derivatives = false;  // of two scores each
  bool packs_steps = false;            // `pack_steps` and `unpack_steps` are there
  bool fits = true;                    // false: a metric only

  /// Whether another unit of y gives the same model, so that penalties count in units of the mean curvature.
  [[nodiscard]] bool is_in_unit_of_y(std::size_t output) const {
    return of_residual || (output < outputs.size() && outputs[output].in_unit_of_y);
  }
  [[nodiscard]] LeafRule leaf_rule_of(std::size_t output) const {
    return output < outputs.size() && outputs[output].straight ? LeafRule::searched : leaf_rule;
  }
};

/// Immutable but for `prepare`; calls are per block, never per row, and may come from several threads.
class Loss {
 public:
  virtual ~Loss() = default;
  [[nodiscard]] const LossInfo& info() const { return info_; }

  /// l(y, f) of each row.
  virtual void values(const LossRows& rows, double* out) const = 0;
  /// dl/df and the exact d2l/df2 of each row, an array an output (the diagonal where there are several).
  virtual void derivatives(const LossRows& rows, double* const* gradients, double* const* hessians) const = 0;
  /// d2l/df_k df_l of each row, an array for each pair l < k: (0, 1), (0, 2), (1, 2), (0, 3), … Of losses whose info
  /// has_mixed_derivatives.
  virtual void mixed_derivatives(const LossRows& /*rows*/, double* const* /*mixed*/) const {}
  /// As `derivatives`, with a curvature at least 0 that a step may trust in place of the Hessian.
  virtual void steps(const LossRows& rows, double* const* gradients, double* const* curvatures) const {
    derivatives(rows, gradients, curvatures);
  }
  /// `steps` in one number a row and output, for those who keep them; those of one output from it: the same bits.
  virtual void pack_steps(const LossRows& /*rows*/, double* const* /*packed*/) const {}
  virtual void unpack_steps(const LossRows& /*rows*/, std::size_t /*output*/, const double* /*packed*/,
                            double* /*gradients*/, double* /*curvatures*/) const {}
  /// Called once a round with all scores, before any `steps` of the round.
  virtual void prepare(const double* const* /*scores*/, std::size_t /*n_rows*/) {}
  /// What is to be added to every row's offset so that the weighted loss is least; of several minima that which lies
  /// downhill from a score of 0, or from the median of y where the loss is of the residual. The same bits for any
  /// number of threads. Throws InputError where the loss is not finite there.
  [[nodiscard]] virtual std::vector<double> start_scores(const LossTable& table, int threads) const;

 protected:
  explicit Loss(LossInfo info) : info_(std::move(info)) {}
  LossInfo info_;
};

}  // namespace curvature
