// A walk downhill over many coefficients: where it stands, what the slope is there, and a step along a direction.
#pragma once

#include <cstddef>
#include <vector>

#include "linear/objective.hpp"

namespace curvature {

/// A number for each of the weights and intercept of each output, one output after the other, in columns less their
/// centers.
using Direction = std::vector<double>;

[[nodiscard]] double dot(const Direction& a, const Direction& b);
/// to += factor * of
void add(Direction& to, double factor, const Direction& of);

class Walk {
 public:
  Walk(const Objective& objective, const Coefficients& start);

  [[nodiscard]] const LinearProblem& problem() const { return problem_; }
  [[nodiscard]] const std::vector<double>& centers() const { return centers_; }
  [[nodiscard]] const Coefficients& at() const { return at_; }
  [[nodiscard]] double value() const { return value_; }  // F without L1
  [[nodiscard]] const Direction& slope() const { return slope_; }
  [[nodiscard]] const RowColumns& scores() const { return f_; }
  /// Slopes and curvatures of the rows here.
  [[nodiscard]] const RowColumns& g() const { return g_; }
  [[nodiscard]] const RowColumns& h() const { return h_; }

  /// Looks at the slope anew, from scores without the rounding of steps.
  void refresh(Curvature which);
  /// Goes along a direction of slope `along` < 0 as far as the line search says, a whole step first: then one pass over
  /// the design is all. Returns the length; 0 where F does not fall. Curvatures are exact afterwards.
  double go(const Direction& direction, double along);
  /// The direction in the coefficients of the columns as they are.
  [[nodiscard]] Coefficients uncentered(const Direction& direction) const;
  /// The slope of F's quadratic part from sums over rows: K times p weights and an intercept.
  void center_slopes(double* sums) const;

 private:
  // Fills value and slope where the scores are f; `prepare` is called for each block beforehand.
  template <class Prepare>
  void look(const RowColumns& f, Curvature which, Prepare&& prepare);
  void look_ahead(const Coefficients& step);

  const Objective& objective_;
  const LinearProblem& problem_;
  std::size_t p_;
  std::vector<double> centers_;
  Coefficients at_;
  RowColumns f_;
  RowColumns ahead_;  // scores one step further
  RowColumns g_;
  RowColumns h_;
  RowColumns change_;
  double value_ = 0;
  Direction slope_;
};

}  // namespace curvature
