// A loss as the fitting code sees it: blocks of rows in, values and derivatives out.
#pragma once

#include <cstddef>
#include <string>

#include "base/instruction_set.hpp"
#include "loss/derivatives.hpp"
#include "loss/pointwise.hpp"
#include "math/link.hpp"

namespace curvature {

/// One of the built-in losses, on one instruction set. A small value; calls are per block, never per row.
class Loss {
 public:
  /// Throws InputError for an unknown name.
  explicit Loss(const std::string& name, InstructionSet set = instruction_set());

  [[nodiscard]] const char* name() const { return loops_->name; }
  [[nodiscard]] Link link() const { return link_; }
  [[nodiscard]] Domain domain() const { return domain_; }
  /// Whether d2l/df2 is 1 for every row, so that sums of Hessians are sums of weights.
  [[nodiscard]] bool constant_hessian() const { return constant_hessian_; }

  void values(const double* y, const double* f, double* out, std::size_t n) const { loops_->values(y, f, out, n); }
  void derivatives(const double* y, const double* f, double* gradients, double* hessians, std::size_t n) const {
    loops_->derivatives(y, f, gradients, hessians, n);
  }

  /// The raw score that minimises the weighted loss over all rows: the link of the mean of y (kept finite where the
  /// mean lies on the edge of the domain). Sums in fixed blocks, so the same bits for any number of threads.
  [[nodiscard]] double start_score(const double* y, const double* weights, std::size_t n) const;

 private:
  const PointwiseLoops* loops_ = nullptr;
  Link link_ = Link::identity;
  Domain domain_{};
  bool constant_hessian_ = false;
};

}  // namespace curvature
