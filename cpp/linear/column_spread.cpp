#include "linear/column_spread.hpp"

#include <algorithm>

namespace curvature {

// Squares are taken around the first row that counts: that keeps the digits of columns far from 0 and makes those of
// constant columns 0.
ColumnSpread spread_of_columns(const Objective& objective) {
  const LinearProblem& problem = objective.problem();
  const Design& design = problem.design;
  const std::size_t p = design.n_columns();
  std::vector<double> around(p, 0.0);
  if (problem.fit_intercept && !design.is_sparse()) {
    const double one = 1;
    for (std::size_t row = 0; row < design.n_rows(); ++row) {
      if (!(problem.weight(row) > 0)) continue;
      design.transpose_times(row, row + 1, &one, around.data());
      break;
    }
  }
  PartialSums sums(objective.n_parts(), 2 * p);
  objective.for_each_block([&](std::size_t part, std::size_t begin, std::size_t end) {
    std::vector<double> weights(end - begin);
    for (std::size_t i = begin; i < end; ++i) weights[i - begin] = problem.weight(i) / objective.total_weight();
    if (problem.fit_intercept) design.transpose_times(begin, end, weights.data(), sums.of(part));
    design.square_sums(begin, end, weights.data(), around.data(), sums.of(part) + p);
  });
  std::vector<double> joined(2 * p);
  sums.add_up(joined.data());
  constexpr double kRounding = 1e-13;
  ColumnSpread found{std::vector<double>(joined.begin(), joined.begin() + static_cast<std::ptrdiff_t>(p)),
                     std::vector<double>(p)};
  for (std::size_t j = 0; j < p; ++j) {
    const double squares = joined[p + j];
    const double moved = joined[j] - around[j];
    const double variance = squares - (problem.fit_intercept ? moved * moved : 0.0);
    found.variance[j] = variance > kRounding * squares ? variance : 0.0;
  }
  return found;
}

}  // namespace curvature
