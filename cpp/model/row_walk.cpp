#include "model/row_walk.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "base/profile.hpp"

namespace curvature {
namespace {

using kernel::kTreesTogether;

// Trees whose leaf values are kept until they are added in order. Within, trees of like depth go together.
constexpr std::size_t kGroupsInBlock = 12;
constexpr std::size_t kBlock = kGroupsInBlock * kTreesTogether;
constexpr std::size_t kMost = UINT16_MAX;

}  // namespace

bool RowWalk::fits(const Forest& forest) {
  const TreeNodes& nodes = forest.nodes();
  if (nodes.sets.size() > 0 || nodes.size() > UINT32_MAX || 2 * forest.used_features().size() > kMost) return false;
  for (std::size_t t = 0; t < forest.n_trees(); ++t) {
    const std::int64_t size = forest.tree_begin()[t + 1] - forest.tree_begin()[t];
    if (size > static_cast<std::int64_t>(kMost)) return false;
  }
  return true;
}

RowWalk::RowWalk(const Forest& forest)
    : forest_(forest),
      thresholds_(forest.nodes().size(), kernel::kAboveAll),
      steps_(forest.nodes().size()),
      depth_(forest.n_trees()) {
  for (const auto& used : forest.used_features()) columns_.push_back(static_cast<std::uint32_t>(used.feature));
  for (std::size_t t = 0; t < forest.n_trees(); ++t) plan_tree(t);
  group_trees();
}

void RowWalk::plan_tree(std::size_t tree) {
  const TreeNodes& nodes = forest_.nodes();
  const auto begin = static_cast<std::size_t>(forest_.tree_begin()[tree]);
  const auto end = static_cast<std::size_t>(forest_.tree_begin()[tree + 1]);
  std::vector<std::int32_t> depth(end - begin, 0);
  for (std::size_t i = begin; i < end; ++i) {
    if (nodes.feature[i] == kLeaf) continue;
    const auto left = static_cast<std::size_t>(nodes.left[i]);
    depth[left] = depth[left + 1] = depth[i - begin] + 1;
    const auto feature = static_cast<std::uint32_t>(nodes.feature[i]);
    const auto at = std::lower_bound(columns_.begin(), columns_.end(), feature) - columns_.begin();
    const std::size_t key = static_cast<std::size_t>(at) + (nodes.missing_left[i] ? columns_.size() : 0);
    thresholds_[i] = kernel::order_key(nodes.threshold[i]);
    steps_[i] = {static_cast<std::uint16_t>(key), static_cast<std::uint16_t>(left - (i - begin))};
  }
  depth_[tree] = *std::max_element(depth.begin(), depth.end());
}

void RowWalk::group_trees() {
  for (std::size_t first = 0; first < forest_.n_trees(); first += kBlock) {
    std::vector<std::uint32_t> order(std::min(kBlock, forest_.n_trees() - first));
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return depth_[first + a] > depth_[first + b]; });
    for (std::size_t i = 0; i < order.size(); i += kTreesTogether) {
      kernel::TreeGroup group;
      group.depth = depth_[first + order[i]];
      for (std::size_t k = 0; k < kTreesTogether; ++k) {
        const bool none = i + k >= order.size();  // walks the first once more, to a place that nobody reads
        const std::uint32_t tree = order[none ? i : i + k];
        group.root[k] = static_cast<std::uint32_t>(forest_.tree_begin()[first + tree]);
        group.place[k] = none ? static_cast<std::uint32_t>(kBlock) : tree;
      }
      groups_.push_back(group);
    }
  }
}

template <class X>
void RowWalk::add_scores(const X* rows, std::size_t n_rows, double* scores) const {
  const profile::Scope scope(Phase::predict, n_rows * forest_.n_trees());
  const std::size_t n_columns = columns_.size();
  std::array<std::uint64_t, 512> few;
  std::vector<std::uint64_t> many(2 * n_columns > few.size() ? 2 * n_columns : 0);
  std::uint64_t* keys = many.empty() ? few.data() : many.data();
  const auto n_features = static_cast<std::size_t>(forest_.n_features());
  const auto n_outputs = static_cast<std::size_t>(forest_.n_outputs());
  for (std::size_t i = 0; i < n_rows; ++i) {
    kernel::row_keys(rows + i * n_features, columns_.data(), n_columns, keys);
    add_row(keys, scores + i * n_outputs);
  }
}

void RowWalk::add_row(const std::uint64_t* keys, double* scores) const {
  const double* values = forest_.nodes().value.data();
  const auto n_outputs = static_cast<std::size_t>(forest_.n_outputs());
  std::array<double, kBlock + 1> leaf_values;
  std::size_t output = 0;
  for (std::size_t first = 0; first < forest_.n_trees(); first += kBlock) {
    const std::size_t begin = first / kTreesTogether;
    const std::size_t end = std::min(begin + kGroupsInBlock, groups_.size());
    for (std::size_t g = begin; g < end; ++g) {
      kernel::walk_row(groups_[g], thresholds_.data(), steps_.data(), values, keys, leaf_values.data());
    }
    const std::size_t n = std::min(kBlock, forest_.n_trees() - first);
    if (n_outputs == 1) {  // the sum stays in a register
      scores[0] = std::accumulate(leaf_values.begin(), leaf_values.begin() + n, scores[0]);
      continue;
    }
    for (std::size_t t = 0; t < n; ++t) {
      scores[output] += leaf_values[t];
      output = output + 1 == n_outputs ? 0 : output + 1;
    }
  }
}

template void RowWalk::add_scores(const float*, std::size_t, double*) const;
template void RowWalk::add_scores(const double*, std::size_t, double*) const;

}  // namespace curvature
