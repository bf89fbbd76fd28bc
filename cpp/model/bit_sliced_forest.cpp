#include "model/bit_sliced_forest.hpp"

#include <algorithm>

#include "base/aligned_buffer.hpp"
#include "base/profile.hpp"
#include "base/threads.hpp"

namespace curvature {
namespace {

constexpr std::size_t kTilesATask = 2;
constexpr std::size_t kRowsWorthANode = 8;  // a node costs about as much as so many rows' walks down its tree

// Whether no tree has too many leaves to number them.
bool numbered(const std::vector<std::int64_t>& tree_begin) {
  for (std::size_t t = 0; t + 1 < tree_begin.size(); ++t) {
    const auto n_leaves = static_cast<std::size_t>((tree_begin[t + 1] - tree_begin[t] + 1) / 2);
    if (n_leaves > SlicedTrees::kMostLeaves) return false;
  }
  return true;
}

// What one thread needs for a tile.
struct Workspace {
  AlignedBuffer<std::uint8_t> codes, lines, reached, planes, leaves;
  AlignedBuffer<double> scores;  // output by output

  Workspace(const SplitLines& split_lines, const SlicedTrees& trees, std::size_t n_outputs, std::size_t tile_rows)
      : codes(split_lines.n_features() * tile_rows),
        lines(split_lines.n_lines() * (tile_rows / 8)),
        reached(trees.most_reached() * (tile_rows / 8)),
        planes((trees.most_planes() + 1) * (tile_rows / 8)),
        leaves(trees.most_trees() * 2 * tile_rows),
        scores(n_outputs * tile_rows) {}

  [[nodiscard]] kernel::SlicedTile tile() { return {lines.data(), reached.data(), planes.data(), leaves.data()}; }
};

}  // namespace

std::unique_ptr<const BitSlicedForest> BitSlicedForest::make(const TreeNodes& nodes,
                                                             const std::vector<std::int64_t>& tree_begin,
                                                             std::size_t n_outputs) {
  if (!numbered(tree_begin)) return nullptr;
  SplitLines lines(nodes);
  if (!lines.possible()) return nullptr;
  SlicedTrees trees(nodes, tree_begin, n_outputs, lines);
  return std::unique_ptr<const BitSlicedForest>(
      new BitSlicedForest(std::move(lines), std::move(trees), tree_begin.size() - 1, n_outputs));
}

BitSlicedForest::BitSlicedForest(SplitLines lines, SlicedTrees trees, std::size_t n_trees, std::size_t n_outputs)
    : lines_(std::move(lines)), trees_(std::move(trees)), n_trees_(n_trees), n_outputs_(n_outputs) {}

void BitSlicedForest::add_scores(const Table& table, double* scores, int threads) const {
  const kernel::BitSlicesTable& all_kernels = kernel::bit_slices_table();
  const std::size_t most_rows = all_kernels.many_rows.tile_rows;
  std::vector<std::unique_ptr<Workspace>> workspaces(static_cast<std::size_t>(threads));
  parallel_ranges(table.n_rows, kTilesATask * most_rows, threads, [&](std::size_t begin, std::size_t end, int worker) {
    const profile::Scope scope(Phase::predict, (end - begin) * n_trees_);
    std::unique_ptr<Workspace>& own = workspaces[static_cast<std::size_t>(worker)];
    if (!own) own = std::make_unique<Workspace>(lines_, trees_, n_outputs_, most_rows);
    for (std::size_t first = begin; first < end; first += most_rows) {
      const std::size_t n = std::min(most_rows, end - first);
      const kernel::BitSlicesKernels& kernels = all_kernels.of_rows(n);
      const std::size_t tile_rows = kernels.tile_rows;
      lines_.encode(table, first, n, tile_rows, own->codes.data());
      const bool whole = lines_.fill(kernels, own->codes.data(), own->lines.data());
      double* to = scores + first * n_outputs_;
      for (std::size_t k = 0; k < n_outputs_; ++k) {
        double* of_output = own->scores.data() + k * tile_rows;
        for (std::size_t i = 0; i < n; ++i) of_output[i] = to[i * n_outputs_ + k];
        std::fill(of_output + n, of_output + tile_rows, 0.0);
      }
      for (const SlicedTrees::Group& group : trees_.groups()) {
        kernels.add_group(trees_.view(group, whole), own->tile(), own->scores.data() + group.output * tile_rows);
      }
      for (std::size_t k = 0; k < n_outputs_; ++k) {
        const double* of_output = own->scores.data() + k * tile_rows;
        for (std::size_t i = 0; i < n; ++i) to[i * n_outputs_ + k] = of_output[i];
      }
    }
  });
}

const BitSlicedForest* LazyBitSlicedForest::of_batch(std::size_t n_rows, const TreeNodes& nodes,
                                                     const std::vector<std::int64_t>& tree_begin,
                                                     std::size_t n_outputs) {
  if (n_rows < kFewRows) return nullptr;
  const std::size_t seen = rows_seen_.fetch_add(n_rows, std::memory_order_relaxed) + n_rows;
  if (seen * (tree_begin.size() - 1) < kRowsWorthANode * nodes.size()) return nullptr;
  std::call_once(once_, [&] {
    engine_ = BitSlicedForest::make(nodes, tree_begin, n_outputs);
    made_.store(engine_ != nullptr, std::memory_order_relaxed);
  });
  return engine_.get();
}

}  // namespace curvature
