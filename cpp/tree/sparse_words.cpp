#include "tree/sparse_words.hpp"

#include <algorithm>
#include <numeric>

#include "base/profile.hpp"
#include "base/threads.hpp"
#include "kernel/sparse_bounds.hpp"

namespace curvature {
namespace {

constexpr std::size_t kWordsATask = 32;

void drop_dead_words(NodeHistogram& histogram, const std::vector<double>& values) {
  std::vector<std::uint32_t>& words = histogram.live_words;
  const auto is_dead = [&](std::uint32_t word) { return values[word] == kernel::kDeadWord; };
  words.erase(std::remove_if(words.begin(), words.end(), is_dead), words.end());
}

kernel::SparseNode in_kernel(const SparseWords::Node& node, const SplitSearch& search) {
  kernel::SparseNode own;
  if (!node.histogram) return own;
  own.cells = node.histogram->cells.data();
  own.counts = node.histogram->counts.data();
  own.bounds = node.searched ? node.histogram->word_bounds.data() : nullptr;
  own.sum = node.total.sum;
  own.n_rows = node.n_rows;
  own.scored = search.scored_node(node.total.sum);
  return own;
}

}  // namespace

HistogramLayout searched_words(const BinnedMatrix& matrix, const RowPartition& partition, std::uint64_t min_weight) {
  std::size_t n_slots = matrix.n_slots();
  if (!matrix.is_sparse()) return matrix.layout();
  const auto weight = [&](std::size_t slot) {
    const kernel::SparseColumn column = matrix.sparse().column(slot);
    return partition.weight(column.rows, column.size);
  };
  while (n_slots > 0 && weight(n_slots - 1) < std::max<std::uint64_t>(1, min_weight)) --n_slots;
  return matrix.layout().first((n_slots + kWordSlots - 1) / kWordSlots);
}

void SparseWords::begin(NodeHistogram& histogram, const NodeHistogram* parent) const {
  if (parent) {
    histogram.live_words = parent->live_words;
    return;
  }
  histogram.live_words.resize(layout_.words.size());
  std::iota(histogram.live_words.begin(), histogram.live_words.end(), 0u);
}

void SparseWords::search(const Node& node, const Node& sister, int threads) const {
  if (counts_rows_) {
    bound_words(node, sister, threads);
  } else {
    const std::vector<std::uint32_t>& words = node.histogram->live_words;
    parallel_for(words.size(), threads, [&](std::size_t i, int) { scan_word(words[i], node, sister); });
  }
  for (const Node& own : {node, sister}) {
    if (!own.histogram || !own.searched) continue;
    drop_dead_words(*own.histogram, counts_rows_ ? own.histogram->word_bounds : own.histogram->word_scores);
    if (!counts_rows_) continue;
    for (const std::uint32_t word : own.histogram->live_words) own.histogram->word_scores[word] = -1;
  }
}

void SparseWords::bound_words(const Node& node, const Node& sister, int threads) const {
  const std::vector<std::uint32_t>& words = node.histogram->live_words;
  kernel::SparseBoundsTask task;
  task.words = layout_.words.data();
  task.default_codes = matrix_.sparse().default_codes();
  task.node = in_kernel(node, search_);
  task.sister = in_kernel(sister, search_);
  task.least = min_weight_;
  parallel_ranges(words.size(), kWordsATask, threads, [&](std::size_t begin, std::size_t end, int) {
    const profile::Scope scope(Phase::scan, (end - begin) * kWordSlots);
    kernel::SparseBoundsTask share = task;
    share.listed = words.data() + begin;
    share.n_listed = end - begin;
    kernel::sparse_bounds_table().bound(share);
  });
}

void SparseWords::scan_word(std::size_t word, const Node& node, const Node& sister) const {
  if (sister.histogram) {
    kernel::histogram_table().subtract(sister.histogram->weights.data() + word * kWordSlots,
                                       node.histogram->weights.data() + word * kWordSlots, kWordSlots);
  }
  const bool live[2] = {node.searched && heavy_enough(word, *node.histogram),
                        sister.histogram && heavy_enough(word, *sister.histogram)};
  if (live[0] || live[1]) builder_.complete(word, node.total.sum, *node.histogram);
  if (live[1]) builder_.subtract(word, *sister.histogram, *node.histogram);
  for (int i = 0; i < 2; ++i) {
    const Node& own = i == 0 ? node : sister;
    if (own.histogram) own.histogram->word_scores[word] = kernel::kDeadWord;
    if (live[i]) search_.scan_sparse_word(*own.histogram, own.total, word);
  }
}

// It is where rows are counted, but for missing values that add up to nothing; and where all rows of the default code,
// zeros, go to one side and the others to the other.
bool SparseWords::leaves_enough(const NodeHistogram* histogram, std::uint64_t weight,
                                const SplitCandidate& split) const {
  const bool has_missing = matrix_.has_missing(split.slot);
  if (counts_rows_) return !has_missing;
  const bool apart = split.codes.bin == 1 && matrix_.sparse().default_codes()[split.slot] == 1 &&
                     !(split.codes.missing_left && has_missing);
  if (!histogram || !apart) return false;
  const std::uint64_t kept = histogram->weights[split.slot];
  return kept >= min_weight_ && weight - kept >= min_weight_;
}

// Whether the rows that are not of the default code, which are one side of every split at least, weigh enough.
bool SparseWords::heavy_enough(std::size_t word, const NodeHistogram& histogram) const {
  const std::uint64_t* const weights = histogram.weights.data() + word * kWordSlots;
  return std::any_of(weights, weights + kWordSlots, [this](std::uint64_t weight) { return weight >= min_weight_; });
}

}  // namespace curvature
