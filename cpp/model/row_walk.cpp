#include "model/row_walk.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <utility>

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
  if (nodes.sets.size() > 0 || nodes.size() > UINT32_MAX || 2 * forest.used_features().size() >= kMost) return false;
  for (std::size_t t = 0; t < forest.n_trees(); ++t) {
    const std::int64_t size = forest.tree_begin()[t + 1] - forest.tree_begin()[t];
    if (size > static_cast<std::int64_t>(kMost)) return false;
  }
  return true;
}

RowWalk::RowWalk(const Forest& forest)
    : forest_(forest), thresholds_(forest.nodes().size()), steps_(forest.nodes().size()), depth_(forest.n_trees()) {
  for (const auto& used : forest.used_features()) columns_.push_back(static_cast<std::uint32_t>(used.feature));
  for (std::size_t t = 0; t < forest.n_trees(); ++t) plan_tree(t);
  group_trees();
}

// Nodes below the heavier child come first: the ways of most rows share cache lines.
void RowWalk::plan_tree(std::size_t tree) {
  struct Open {
    std::size_t node;
    std::size_t place;
    std::int32_t depth;
  };
  const TreeNodes& nodes = forest_.nodes();
  const auto begin = static_cast<std::size_t>(forest_.tree_begin()[tree]);
  std::size_t next = begin + 1;
  std::vector<Open> open{{begin, begin, 0}};
  while (!open.empty()) {
    const auto [node, place, depth] = open.back();
    open.pop_back();
    depth_[tree] = std::max(depth_[tree], depth);
    if (nodes.feature[node] == kLeaf) {
      thresholds_[place] = std::bit_cast<std::uint64_t>(nodes.value[node]);
      steps_[place] = {static_cast<std::uint16_t>(2 * columns_.size()), 0};
      continue;
    }
    const auto feature = static_cast<std::uint32_t>(nodes.feature[node]);
    const auto at = std::lower_bound(columns_.begin(), columns_.end(), feature) - columns_.begin();
    const std::size_t key = static_cast<std::size_t>(at) + (nodes.missing_left[node] ? columns_.size() : 0);
    thresholds_[place] = kernel::order_key(nodes.threshold[node]);
    steps_[place] = {static_cast<std::uint16_t>(key), static_cast<std::uint16_t>(next - place)};
    const std::size_t left = begin + static_cast<std::size_t>(nodes.left[node]);
    Open lighter{left, next, depth + 1};
    Open heavier{left + 1, next + 1, depth + 1};
    if (nodes.cover[lighter.node] > nodes.cover[heavier.node]) std::swap(lighter, heavier);
    open.push_back(lighter);
    open.push_back(heavier);
    next += 2;
  }
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
  const std::size_t n_keys = 2 * n_columns + 1;
  std::array<std::uint64_t, 513> few;
  std::vector<std::uint64_t> many(n_keys > few.size() ? n_keys : 0);
  std::uint64_t* keys = many.empty() ? few.data() : many.data();
  const auto n_features = static_cast<std::size_t>(forest_.n_features());
  const auto n_outputs = static_cast<std::size_t>(forest_.n_outputs());
  for (std::size_t i = 0; i < n_rows; ++i) {
    kernel::row_keys(rows + i * n_features, columns_.data(), n_columns, keys);
    add_row(keys, scores + i * n_outputs);
  }
}

void RowWalk::add_row(const std::uint64_t* keys, double* scores) const {
  const auto n_outputs = static_cast<std::size_t>(forest_.n_outputs());
  std::array<double, kBlock + 1> leaf_values;
  std::size_t output = 0;
  for (std::size_t first = 0; first < forest_.n_trees(); first += kBlock) {
    const std::size_t begin = first / kTreesTogether;
    const std::size_t end = std::min(begin + kGroupsInBlock, groups_.size());
    for (std::size_t g = begin; g < end; ++g) {
      kernel::walk_row(groups_[g], thresholds_.data(), steps_.data(), keys, leaf_values.data());
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
