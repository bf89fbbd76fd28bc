#include "boost/root_pass.hpp"

#include <algorithm>
#include <utility>

#include "base/profile.hpp"
#include "base/threads.hpp"
#include "boost/tree_rows.hpp"
#include "kernel/transpose.hpp"
#include "tree/noise.hpp"

namespace curvature {
namespace {

constexpr std::size_t kFewestRows = 512;  // below, a root costs less than to list its rows
constexpr std::size_t kTile = CellRows::kTileRows;
static_assert(kTile % RowState::kBlock == 0);

std::size_t parts_of(std::size_t n, std::size_t size) { return (n + size - 1) / size; }

}  // namespace

std::unique_ptr<RootPass> RootPass::make(RowState& state, const Grower& grower, int threads) {
  if (state.n_outputs() < 2 || state.target().n_rows < kFewestRows) return nullptr;
  const std::size_t most_bytes = 2 * sizeof(double) * state.n_outputs() * state.target().n_rows;
  std::unique_ptr<RootHistograms> histograms = grower.root_histograms(most_bytes, threads);
  if (!histograms) return nullptr;
  return std::unique_ptr<RootPass>(new RootPass(state, std::move(histograms), grower.needs_noise(), threads));
}

RootPass::RootPass(RowState& state, std::unique_ptr<RootHistograms> histograms, bool needs_noise, int threads)
    : state_(state),
      histograms_(std::move(histograms)),
      needs_noise_(needs_noise),
      threads_(threads),
      side_by_side_(static_cast<std::size_t>(threads)) {
  const auto team = static_cast<std::size_t>(threads);
  n_parts_ = std::min(histograms_->rows().n_tiles(), team);
  const bool enough = n_parts_ * parts_of(state.n_outputs(), kernel::kMostTrees) >= team;
  group_size_ = enough ? kernel::kMostTrees : kernel::kFewTrees;
  const std::size_t bytes = histograms_->bytes_a_tree() * n_parts_ + state.target().n_rows * sizeof(Cell);
  const std::size_t n_groups = std::max<std::size_t>(1, kBytes / bytes / kernel::kMostTrees);
  n_at_once_ = std::min(n_groups * kernel::kMostTrees, state.n_outputs());
  pairs_ = AlignedBuffer<Cell>(n_at_once_ * state.target().n_rows);
}

std::vector<RootPass::Group> RootPass::groups() const {
  std::vector<Group> groups;
  for (std::size_t done = 0; done < n_outputs_;) {
    const std::size_t n = std::min(group_size_, n_outputs_ - done);
    groups.push_back({first_ + done, n, n <= kernel::kFewTrees ? kernel::kFewTrees : kernel::kMostTrees});
    done += n;
  }
  return groups;
}

void RootPass::run(std::size_t first, std::size_t n_outputs, const std::vector<std::uint64_t>& keys) {
  first_ = first;
  n_outputs_ = n_outputs;
  histograms_->make_room(parts_of(n_outputs, group_size_) * group_size_, n_parts_);
  const std::vector<Group> groups = this->groups();
  const std::size_t n_tiles = histograms_->rows().n_tiles();
  const std::size_t share = parts_of(n_tiles, n_parts_);
  parallel_for(groups.size() * n_parts_, threads_, [&](std::size_t task, int worker) {
    const Group& group = groups[task / n_parts_];
    const std::size_t part = task % n_parts_;
    histograms_->take_up(worker, group.size);
    const std::size_t last = std::min((part + 1) * share, n_tiles);
    for (std::size_t tile = part * share; tile < last; ++tile) add_tile(group, keys, tile, worker);
    histograms_->put_down(worker, group.size, tree(group.first), part);
  });
  if (!needs_noise_) return;
  std::vector<const Cell*> all_pairs;
  for (std::size_t output = first; output < first + n_outputs; ++output) all_pairs.push_back(pairs(output));
  noise_ = noise_of(all_pairs, state_.target().n_rows, state_.target().weights, threads_);
}

void RootPass::add_tile(const Group& group, const std::vector<std::uint64_t>& keys, std::size_t tile, int worker) {
  const std::size_t begin = tile * kTile;
  const std::size_t end = std::min(begin + kTile, state_.target().n_rows);
  AlignedBuffer<Cell>& rows = side_by_side_[static_cast<std::size_t>(worker)];
  if (rows.empty()) rows = AlignedBuffer<Cell>(kTile * kernel::kMostTrees);
  {
    const profile::Scope scope(Phase::quantize, (end - begin) * group.n_outputs);
    double own[2 * RowState::kBlock];
    for (std::size_t output = group.first; output < group.first + group.n_outputs; ++output) {
      const QuantizationScale scale = TreeRows::scale_for(state_.totals(output), state_.weights());
      for (std::size_t at = begin; at < end; at += RowState::kBlock) {
        const std::size_t n = std::min(RowState::kBlock, end - at);
        kernel::QuantizeTask task = state_.quantize_task(state_.kept(output, at, n, own), at, n);
        task.key = keys[tree(output)];
        task.scale = scale;
        task.pairs = pairs(output) + at;
        kernel::quantize_table().quantize(task);
      }
    }
    // Where a group has fewer outputs than places, the others hold what is never asked for.
    const auto column = [&](std::size_t i) {
      return reinterpret_cast<const std::byte*>(pairs(group.first + std::min(i, group.n_outputs - 1)) + begin);
    };
    kernel::rows_to_columns(column, group.size, end - begin, rows.data(), group.size);
  }
  const profile::Scope scope(Phase::accumulate, histograms_->rows().tile(tile).rows.size() * group.n_outputs);
  histograms_->add(worker, group.size, tile, rows.data(), end - begin);
}

}  // namespace curvature
