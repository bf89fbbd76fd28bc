#include "tree/row_router.hpp"

#include <algorithm>
#include <utility>

#include "base/profile.hpp"
#include "base/threads.hpp"

namespace curvature {
namespace {

constexpr std::size_t kTile = 8192;  // rows; with 28 columns of bytes some 320 KB

}  // namespace

std::vector<std::uint64_t> send_rows(const std::vector<Route>& routes, std::size_t n_leaves, const BinnedMatrix& matrix,
                                     RowPartition& partition, int threads, std::uint32_t* leaves) {
  const RowSegment all = partition.reset(threads);
  std::vector<std::vector<std::uint64_t>> weights(static_cast<std::size_t>(std::max(1, threads)));
  parallel_ranges(all.size, kTile, threads, [&](std::size_t begin, std::size_t end, int worker) {
    std::vector<std::uint64_t>& own = weights[static_cast<std::size_t>(worker)];
    own.resize(n_leaves, 0);
    std::vector<std::pair<std::size_t, RowSegment>> open{{0, {end - begin, begin, begin}}};
    while (!open.empty()) {
      const auto [node, segment] = open.back();
      open.pop_back();
      const Route& route = routes[node];
      if (route.split && segment.size > 0) {
        const SplitCandidate& split = *route.split;
        const RowPartition::Parts parts = partition.split(segment, matrix, split.slot, split.codes, 1);
        open.push_back({route.next, parts.left});
        open.push_back({route.next + 1, parts.right});
      } else if (segment.size > 0) {
        const profile::Scope scope(Phase::update, 0);
        const RowIndex* const rows = partition.rows(segment);
        for (std::size_t i = 0; i < segment.size; ++i) leaves[rows[i]] = static_cast<std::uint32_t>(route.next);
        own[route.next] += partition.weight(segment);
      }
    }
  });
  std::vector<std::uint64_t> total(n_leaves, 0);
  for (const std::vector<std::uint64_t>& own : weights) {
    for (std::size_t leaf = 0; leaf < own.size(); ++leaf) total[leaf] += own[leaf];
  }
  return total;
}

}  // namespace curvature
