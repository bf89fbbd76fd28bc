// The values of a tree's leaves: steps down the loss of the rows in each.
#pragma once

#include <vector>

#include "boost/tree_rows.hpp"
#include "loss/loss.hpp"
#include "tree/parameters.hpp"

namespace curvature {

/// A value a leaf, learning rate included. `rows` know their leaves.
///
/// By the rule of the loss: the minimum of G v + H v^2 / 2 + lambda v^2 / 2 + alpha |v| with the leaf's sums; or, where
/// the loss has no curvature to go by, with those sums for which it would be the least loss of the leaf (G = -W v*,
/// H = W), so that penalties count rows as they do for the squared error.
[[nodiscard]] std::vector<double> leaf_values(const Loss& loss, const TreeRows& rows, std::size_t n_leaves,
                                              std::size_t output, const TreeParams& params, double learning_rate,
                                              int threads);

}  // namespace curvature
