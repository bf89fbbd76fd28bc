// The boosting loop: from a table and targets to a forest.
#pragma once

#include <functional>

#include "boost/parameters.hpp"
#include "data/table.hpp"
#include "model/forest.hpp"

namespace curvature {

/// Targets of a fit; not owned.
struct Target {
  const double* y = nullptr;
  const double* weights = nullptr;  // null: all 1
};

struct BoostedTrees {
  double start_score;
  Forest forest;
};

/// Fits params.n_estimators trees, one a round, each to the gradients and Hessians at the scores of those before it.
/// `after_tree` is called between trees and may throw to stop. Throws InputError for bad parameters, targets outside
/// the loss's domain, negative or non-finite weights, or weights that are all 0.
[[nodiscard]] BoostedTrees fit(const Table& table, const Target& target, const BoostParams& params,
                               const std::function<void()>& after_tree);

}  // namespace curvature
