// The first look at the words of sparse nodes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "data/binned_matrix.hpp"
#include "kernel/histogram.hpp"
#include "tree/histogram_builder.hpp"
#include "tree/histogram_pool.hpp"
#include "tree/row_partition.hpp"
#include "tree/split_search.hpp"

namespace curvature {

/// Words up to the last with a slot that can be split at all. Of a sparse matrix: where the rows that are not of the
/// default code weigh less than a leaf must, every split leaves one side too light.
[[nodiscard]] HistogramLayout searched_words(const BinnedMatrix& matrix, const RowPartition& partition,
                                             std::uint64_t min_weight);

/// A cut that leaves both sides of a node enough rows does so in every node above: a word without any is dead for all
/// below, and its cells are neither cleared nor subtracted there. Where rows are counted, words are told bounds, and
/// scanned when the best split is looked for; otherwise slots are weighed, and words scanned at once.
class SparseWords {
 public:
  struct Node {
    NodeHistogram* histogram = nullptr;
    NodeTotal total;
    std::size_t n_rows = 0;
    bool searched = true;
  };

  SparseWords(const BinnedMatrix& matrix, const HistogramLayout& layout, const HistogramBuilder& builder,
              const SplitSearch& search, std::uint64_t min_weight, bool counts_rows)
      : matrix_(matrix),
        layout_(layout),
        builder_(builder),
        search_(search),
        min_weight_(std::max<std::uint64_t>(1, min_weight)),
        counts_rows_(counts_rows) {}

  /// The live words of a histogram before it is built: those of `parent`, or all where that is null.
  void begin(NodeHistogram& histogram, const NodeHistogram* parent) const;
  /// Searches the live words of a node, and of its larger sister, whose histogram is their parent's still; or of the
  /// node alone.
  void search(const Node& node, const Node& sister, int threads) const;

  /// Whether a node's split is known to leave both sides heavy enough, without a look at its rows. `histogram` may be
  /// null.
  [[nodiscard]] bool leaves_enough(const NodeHistogram* histogram, std::uint64_t weight,
                                   const SplitCandidate& split) const;

 private:
  void bound_words(const Node& node, const Node& sister, int threads) const;
  void scan_word(std::size_t word, const Node& node, const Node& sister) const;
  [[nodiscard]] bool heavy_enough(std::size_t word, const NodeHistogram& histogram) const;

  const BinnedMatrix& matrix_;
  const HistogramLayout& layout_;
  const HistogramBuilder& builder_;
  const SplitSearch& search_;
  std::uint64_t min_weight_;
  bool counts_rows_;
};

}  // namespace curvature
