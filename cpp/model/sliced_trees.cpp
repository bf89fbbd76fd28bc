#include "model/sliced_trees.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace curvature {
namespace {

constexpr std::size_t kMostTrees = 16;
constexpr std::size_t kMostReached = 600;  // lines: 37.5 KiB of 512 rows
constexpr int kByteBits = 8;
constexpr std::size_t kNumbers = std::numeric_limits<std::uint16_t>::max() + std::size_t{1};
static_assert(2 + 2 * SlicedTrees::kMostLeaves <= kNumbers);  // of the reached lines of a group

std::uint32_t gray(std::uint32_t i) { return i ^ (i >> 1); }

}  // namespace

// A tree with the place of every node's first leaf.
struct SlicedTrees::Shape {
  std::size_t begin = 0;  // the root among the nodes
  std::size_t size = 0;
  int n_planes = 1;
  std::vector<std::uint32_t> n_leaves, first_leaf;

  Shape(const TreeNodes& nodes, std::size_t first, std::size_t last)
      : begin(first), size(last - first), n_leaves(size, 1), first_leaf(size, 0) {
    for (std::size_t i = size; i-- > 0;) {  // children come after their parents
      if (!is_leaf(nodes, i)) n_leaves[i] = n_leaves[left(nodes, i)] + n_leaves[left(nodes, i) + 1];
    }
    for (std::size_t i = 0; i < size; ++i) {
      if (is_leaf(nodes, i)) continue;
      const std::size_t second = visited_second(nodes, i);
      const std::size_t first_child = 2 * left(nodes, i) + 1 - second;
      first_leaf[first_child] = first_leaf[i];
      first_leaf[second] = first_leaf[i] + n_leaves[first_child];
    }
    n_planes = std::max(1, static_cast<int>(std::bit_width(n_leaves[0] - 1)));
  }

  [[nodiscard]] bool is_leaf(const TreeNodes& nodes, std::size_t i) const { return nodes.feature[begin + i] == kLeaf; }
  [[nodiscard]] std::size_t left(const TreeNodes& nodes, std::size_t i) const {
    return static_cast<std::size_t>(nodes.left[begin + i]);
  }
  [[nodiscard]] std::size_t visited_second(const TreeNodes& nodes, std::size_t i) const {
    const std::size_t l = left(nodes, i);
    return n_leaves[l] <= n_leaves[l + 1] ? l + 1 : l;
  }
  [[nodiscard]] std::size_t reached_at_most() const { return 2 * n_leaves[0]; }
  [[nodiscard]] bool wide() const { return n_planes > kByteBits; }
};

SlicedTrees::SlicedTrees(const TreeNodes& nodes, const std::vector<std::int64_t>& tree_begin, std::size_t n_outputs,
                         const SplitLines& lines) {
  for (std::size_t output = 0; output < n_outputs; ++output) {
    std::vector<Shape> shapes;
    std::size_t reached = 0;
    for (std::size_t t = output; t + 1 < tree_begin.size(); t += n_outputs) {
      Shape shape(nodes, static_cast<std::size_t>(tree_begin[t]), static_cast<std::size_t>(tree_begin[t + 1]));
      reached += shape.reached_at_most();
      if (!shapes.empty() &&
          (shapes.size() == kMostTrees || reached > kMostReached || shape.wide() != shapes[0].wide())) {
        add_group(nodes, shapes, output, lines);
        shapes.clear();
        reached = shape.reached_at_most();
      }
      shapes.push_back(std::move(shape));
    }
    if (!shapes.empty()) add_group(nodes, shapes, output, lines);
  }
}

void SlicedTrees::add_group(const TreeNodes& nodes, std::span<const Shape> shapes, std::size_t output,
                            const SplitLines& lines) {
  Group group{output,       std::max(steps_.near.size(), steps_.far.size()), terms_.size(), trees_.size(), 0, 0, 0,
              shapes.size()};
  struct Reached {
    std::size_t tree, node;
    std::uint16_t line;
  };
  struct Split {
    std::uint16_t reached;
    std::size_t node;  // among all
  };
  std::vector<Split> splits, twigs;
  // Level by level over all trees, so that operations next to each other do not wait for each other.
  std::vector<Reached> queue;
  std::vector<std::size_t> first_plane(1, 0);
  for (std::size_t t = 0; t < shapes.size(); ++t) {
    queue.push_back({t, 0, 1});
    first_plane.push_back(first_plane.back() + static_cast<std::size_t>(shapes[t].n_planes));
  }
  std::vector<std::vector<std::uint16_t>> flips(first_plane.back());       // of each plane
  std::vector<std::vector<std::uint16_t>> twig_flips(first_plane.back());  // likewise, twigs counted from 0
  for (std::size_t at = 0; at < queue.size(); ++at) {
    const auto [t, node, line] = queue[at];
    const Shape& shape = shapes[t];
    if (shape.is_leaf(nodes, node)) continue;
    const std::size_t left = shape.left(nodes, node);
    const std::size_t second = shape.visited_second(nodes, node);
    const bool is_twig = shape.n_leaves[node] == 2;
    const std::size_t first_child = 2 + 2 * splits.size();
    const auto flipping = static_cast<std::uint16_t>(is_twig ? twigs.size() : first_child + (second - left));
    const std::uint32_t changed = gray(shape.first_leaf[node]) ^ gray(shape.first_leaf[second]);
    for (int k = 0; k < shape.n_planes; ++k) {
      const std::size_t plane = first_plane[t] + static_cast<std::size_t>(k);
      if ((changed >> k) & 1) (is_twig ? twig_flips : flips)[plane].push_back(flipping);
    }
    (is_twig ? twigs : splits).push_back({line, shape.begin + node});
    if (is_twig) continue;
    queue.push_back({t, left, static_cast<std::uint16_t>(first_child)});
    queue.push_back({t, left + 1, static_cast<std::uint16_t>(first_child + 1)});
  }
  group.n_splits = splits.size();
  group.n_twigs = twigs.size();
  const std::size_t first_twig = 2 + 2 * group.n_splits;
  for (std::size_t plane = 0; plane < flips.size(); ++plane) {
    for (const std::size_t twig : twig_flips[plane])
      flips[plane].push_back(static_cast<std::uint16_t>(first_twig + twig));
  }
  const auto add_steps = [&](const std::vector<std::uint32_t>& of_nodes, Steps& steps) {
    for (const std::vector<Split>* some : {&splits, &twigs}) {
      for (const auto& [reached, node] : *some) {
        if (lines.n_lines() <= kNumbers) {
          steps.near.push_back({reached, static_cast<std::uint16_t>(of_nodes[node])});
        } else {
          steps.far.push_back({reached, of_nodes[node]});
        }
      }
    }
  };
  add_steps(lines.of_nodes(), steps_);
  add_steps(lines.of_nodes_of_whole_rows(), whole_steps_);
  add_terms(flips);
  group.n_terms = terms_.size() - group.terms;
  for (const Shape& shape : shapes) add_values(nodes, shape);
  groups_.push_back(group);
  most_reached_ = std::max(most_reached_, first_twig + group.n_twigs);
  most_planes_ = std::max(most_planes_, flips.size());
  most_trees_ = std::max(most_trees_, shapes.size());
}

void SlicedTrees::add_values(const TreeNodes& nodes, const Shape& shape) {
  const std::size_t first_value = values_.size();
  values_.resize(first_value + (std::size_t{1} << shape.n_planes), 0.0);
  for (std::size_t i = 0; i < shape.size; ++i) {
    if (shape.is_leaf(nodes, i)) values_[first_value + gray(shape.first_leaf[i])] = nodes.value[shape.begin + i];
  }
  trees_.push_back({first_value, shape.n_planes});
}

// Four reached lines at a time; line 0, which is empty, fills up. At least once a plane, so that each has its sum.
void SlicedTrees::add_terms(std::vector<std::vector<std::uint16_t>>& reached_of_plane) {
  for (std::size_t plane = 0; plane < reached_of_plane.size(); ++plane) {
    std::vector<std::uint16_t>& reached = reached_of_plane[plane];
    reached.resize(std::max<std::size_t>(1, (reached.size() + 3) / 4) * 4, 0);
    for (std::size_t i = 0; i < reached.size(); i += 4) {
      terms_.push_back(
          {static_cast<std::uint16_t>(plane), {reached[i], reached[i + 1], reached[i + 2], reached[i + 3]}});
    }
  }
}

kernel::SlicedGroup SlicedTrees::view(const Group& group, bool whole) const {
  const Steps& steps = whole ? whole_steps_ : steps_;
  kernel::SlicedGroup view;
  if (steps.far.empty()) {
    view.near_steps = steps.near.data() + group.steps;
  } else {
    view.far_steps = steps.far.data() + group.steps;
  }
  view.n_splits = group.n_splits;
  view.n_twigs = group.n_twigs;
  view.terms = terms_.data() + group.terms;
  view.n_terms = group.n_terms;
  view.trees = trees_.data() + group.trees;
  view.n_trees = group.n_trees;
  view.values = values_.data();
  return view;
}

}  // namespace curvature
