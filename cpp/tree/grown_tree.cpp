#include "tree/grown_tree.hpp"

#include <limits>

namespace curvature {

void GrownTree::reserve(std::size_t n_nodes) {
  nodes.feature.reserve(n_nodes);
  nodes.threshold.reserve(n_nodes);
  nodes.set.reserve(n_nodes);
  nodes.left.reserve(n_nodes);
  nodes.missing_left.reserve(n_nodes);
  nodes.value.reserve(n_nodes);
  nodes.gain.reserve(n_nodes);
  nodes.cover.reserve(n_nodes);
  leaves.reserve(n_nodes / 2 + 1);
}

void GrownTree::append_leaf(double weight, RowSegment rows) {
  leaves.push_back({static_cast<std::int32_t>(nodes.size()), rows});
  nodes.feature.push_back(kLeaf);
  nodes.threshold.push_back(0);
  nodes.set.push_back(kNoSet);
  nodes.left.push_back(0);
  nodes.missing_left.push_back(0);
  nodes.value.push_back(0);
  nodes.gain.push_back(0);
  nodes.cover.push_back(weight);
}

void GrownTree::append_split(double weight, const SplitCandidate& split, std::int32_t feature, const BinMapper& mapper,
                             std::size_t left) {
  nodes.feature.push_back(feature);
  if (split.codes.is_set()) {
    nodes.threshold.push_back(0);
    nodes.set.push_back(static_cast<std::int32_t>(nodes.sets.size()));
    nodes.sets.append(split.codes.left_codes, split.codes.missing_left);
  } else {
    const std::vector<double>& cuts = mapper.cuts(static_cast<std::size_t>(feature));
    const auto cut = static_cast<std::size_t>(split.codes.bin - 1);
    // Past the last cut: every number goes left, only missing values go right.
    nodes.threshold.push_back(cut < cuts.size() ? cuts[cut] : std::numeric_limits<double>::infinity());
    nodes.set.push_back(kNoSet);
  }
  nodes.left.push_back(static_cast<std::int32_t>(left));
  nodes.missing_left.push_back(split.codes.missing_left);
  nodes.value.push_back(0);
  nodes.gain.push_back(split.gain);
  nodes.cover.push_back(weight);
}

}  // namespace curvature
