// The inner problem of coordinate descent: a quadratic model of the loss along some columns, plus their penalties.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "linear/column_penalty.hpp"
#include "linear/working_columns.hpp"

namespace curvature {

/// Of one output, for the m working columns z_j = x_j - center_j:
///   slope . d + 1/2 sum over rows of h_i (z_i . d + s)^2 + sum of r_j(b_j + d_j),
/// with the shift s of the intercept that makes it least, or 0 without one.
struct QuadraticModel {
  const WorkingColumns& columns;
  const double* h = nullptr;
  double total = 0;  // sum of h
  bool fit_intercept = true;
  int threads = 1;
  const std::function<void()>& look_for_signals;
  std::vector<double> center;  // 0 without an intercept and for sparse columns
  std::vector<ColumnPenalty> penalties;
  std::vector<double> least_curvature;  // where the model bends less; 0: a constant column, which is left alone
};

/// A point of the model: it is moved from where the loss was expanded towards the minimum.
struct ModelPoint {
  std::vector<double> b;
  std::vector<double> slope;     // of the loss along each column, the intercept following
  double largest_violation = 0;  // its square is twice what F falls by a step along that column
};

/// What a step along each column needs of the rows: one for all steps with the same h.
struct ModelGram {
  std::vector<double> first;       // sum of h z
  std::vector<double> curvature;   // sum of h (z - mean z)^2, at least least_curvature
  AlignedBuffer<double> products;  // all m x m of them; empty when steps go by residuals
};

/// `first` as it is stored; `known`: with the same h, of the first columns, or empty. m^2 n / 2 multiply-adds with all
/// products; m n with the curvatures alone, which needs whole columns.
[[nodiscard]] ModelGram gram_of(const QuadraticModel& model, std::vector<double> first, bool with_products,
                                const ModelGram& known);

/// Cyclic coordinate descent with Anderson acceleration until the largest violation is at most `fraction` of that at
/// the start, or `passes` times over the columns. With products a change of a weight costs m multiply-adds and a step
/// none; without them a step reads the column's rows. `g`: the loss's slope of every row at the start.
void minimise(const QuadraticModel& model, const ModelGram& gram, const double* g, double fraction, int passes,
              ModelPoint& point);

}  // namespace curvature
