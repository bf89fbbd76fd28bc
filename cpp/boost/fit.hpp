// The boosting loop: from a table and targets to a forest.
#pragma once

#include <functional>
#include <vector>

#include "boost/parameters.hpp"
#include "data/binned_table.hpp"
#include "data/table.hpp"
#include "loss/loss.hpp"
#include "model/forest.hpp"

namespace curvature {

struct BoostedTrees {
  std::vector<double> start_scores;  // one an output
  Forest forest;
};

/// Fits params.n_estimators rounds of trees, a tree an output and round, each to the gradients and curvatures at the
/// scores before its round. `target` has the columns that the loss reads, y first. `after_tree` is called between trees
/// and may throw to stop. Throws InputError for bad parameters, targets outside the loss's domain, negative or
/// non-finite weights, weights that are all 0, or a loss that is not finite at the start.
[[nodiscard]] BoostedTrees fit(const Table& table, const LossTable& target, Loss& loss, const BoostParams& params,
                               const std::function<void()>& after_tree);
/// The same with a table that is binned already; params.max_bins is not read.
[[nodiscard]] BoostedTrees fit(const BinnedTable& table, const LossTable& target, Loss& loss, const BoostParams& params,
                               const std::function<void()>& after_tree);

}  // namespace curvature
