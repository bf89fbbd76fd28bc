// Weighted sums over the rows of a design with an intercept, from columns less their means: columns far from 0 cost no
// digits. Parameters are in the order (intercept, coefficients).
#pragma once

#include <cstddef>
#include <vector>

#include "linear/objective.hpp"

namespace curvature {

/// A square matrix of rows.
struct Square {
  explicit Square(std::size_t n) : size(n), numbers(n * n) {}
  [[nodiscard]] double* row(std::size_t i) { return numbers.data() + i * size; }
  [[nodiscard]] const double* row(std::size_t i) const { return numbers.data() + i * size; }

  std::size_t size;
  std::vector<double> numbers;
};

[[nodiscard]] Square product(const Square& a, const Square& b, int threads);

/// z_i = (1, x_i - center), or x_i where there is no intercept. Sparse columns stay where they are.
class CenteredRows {
 public:
  /// The centers are means of weights d; the objective must outlive this.
  CenteredRows(const Objective& objective, const RowColumns& d);

  [[nodiscard]] std::size_t size() const { return first_ + center_.size(); }
  /// Place of the first coefficient: 1, or 0 without an intercept.
  [[nodiscard]] std::size_t first() const { return first_; }

  /// sum of r_i z_i
  [[nodiscard]] std::vector<double> slopes(const RowColumns& r) const;
  /// sum of d_i z_i z_i^T
  [[nodiscard]] Square gram(const RowColumns& d) const;
  /// Roots of the Gram matrix's diagonal.
  [[nodiscard]] std::vector<double> lengths(const RowColumns& d) const;
  /// |M z_i|^2 of every row.
  void squared_lengths(const Square& map, RowColumns& out) const;

  /// The same direction, and the same matrices as rows, for z_i = (1, x_i).
  [[nodiscard]] Coefficients plain(const std::vector<double>& direction) const;
  [[nodiscard]] std::vector<double> hessian_of_plain(const Square& hessian) const;
  [[nodiscard]] std::vector<double> covariance_of_plain(const Square& covariance) const;

 private:
  const Objective& objective_;
  std::size_t first_;
  std::vector<double> center_;
};

}  // namespace curvature
