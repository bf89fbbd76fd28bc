// Grows one tree on quantized gradients, best leaf first or level by level.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "data/bin_mapper.hpp"
#include "data/binned_matrix.hpp"
#include "tree/grown_tree.hpp"
#include "tree/histogram_builder.hpp"
#include "tree/histogram_pool.hpp"
#include "tree/root_histograms.hpp"
#include "tree/row_partition.hpp"
#include "tree/row_router.hpp"
#include "tree/small_grower.hpp"
#include "tree/sparse_words.hpp"
#include "tree/split_search.hpp"

namespace curvature {

/// Made once a fit; `grow` once a tree.
///
/// Growth is the plain sequential rule: take the open leaf that comes first (most gain, or least depth), split it, open
/// its children. What a split takes is shared out among the threads: the rows to be parted, then the words of the
/// histograms, each filled, subtracted and scanned by one thread, or of large nodes the rows once more. Where there are
/// too few words for all threads, several of the first open leaves are split at once, ahead of their turn; a split that
/// never gets its turn is forgotten. So the tree is the sequential one, whatever the threads. Small matrices are left
/// to a SmallGrower. Of a sample of the rows, all rows follow the splits once they are found.
class Grower {
 public:
  Grower(const BinnedMatrix& matrix, const BinMapper& mapper, const TreeParams& params, const double* weights,
         bool hessian_is_weight, int threads);

  /// `pairs`: packed gradients of all rows on `scale`. `key`: the tree's random stream. `known`: where the root has its
  /// histogram.
  [[nodiscard]] GrownTree grow(const Cell* pairs, const QuantizationScale& scale, std::uint64_t key,
                               const KnownRoot& known = {});
  /// What makes the histograms of the roots of many trees at once; null where it would take more than `most_bytes` and
  /// more than half of what the matrix takes.
  [[nodiscard]] std::unique_ptr<RootHistograms> root_histograms(std::size_t most_bytes, int threads) const {
    if (small_ || is_sampled()) return nullptr;
    return RootHistograms::make(matrix_, layout_, partition_, std::max(most_bytes, matrix_.bytes() / 2),
                                matrix_.is_sparse() && counts_rows_, threads);
  }

  /// Whether a known root is to tell its noise.
  [[nodiscard]] bool needs_noise() const { return search_.has_categories(); }
  /// Whether trees grow on a sample of the rows each, which the others follow.
  [[nodiscard]] bool is_sampled() const { return params_.structure_sample < 1; }

  /// Where trees are sampled: sends all rows down the tree just grown, whose segments they leave, and notes its covers
  /// and gains as they are for them. Writes the leaf of every row of positive weight.
  void send_rows(GrownTree& tree, std::uint32_t* leaves);
  [[nodiscard]] const RowIndex* rows(RowSegment segment) const {
    return small_ ? small_->rows(segment) : partition_.rows(segment);
  }

 private:
  static constexpr std::size_t kNoNode = static_cast<std::size_t>(-1);

  struct Node {
    RowSegment rows;
    Cell sum = 0;
    std::uint64_t weight = 0;  // in steps of the row partition
    std::uint64_t key = 0;
    std::int32_t depth = 0;
    std::int32_t rank = 0;  // the order in which nodes were opened
    NodeHistogram* histogram = nullptr;
    SplitCandidate split;
    std::size_t left = kNoNode;  // children, once the split has been made ahead; right = left + 1
    bool committed = false;      // the split belongs to the tree
  };
  /// Two children; or none, where they weigh too little and the node was given its next best split instead.
  struct Expansion {
    bool made = false;
    Node left, right;
  };
  /// Histograms lent to one expansion: one for the smaller child, and one for the larger where the node has none.
  using Spares = std::array<NodeHistogram*, 2>;
  struct OpenOrder {
    const Grower* grower;
    bool operator()(std::size_t a, std::size_t b) const { return grower->comes_before(a, b); }
  };
  using OpenNodes = std::set<std::size_t, OpenOrder>;

  [[nodiscard]] bool comes_before(std::size_t a, std::size_t b) const;
  [[nodiscard]] bool may_split(const Node& node) const;
  [[nodiscard]] std::size_t work(const Node& node) const;
  void plant(std::uint64_t key, const KnownRoot& known);
  void open(std::size_t node, OpenNodes& open_nodes);
  [[nodiscard]] std::vector<std::size_t> next_to_expand(const OpenNodes& open_nodes, std::size_t n_splits_left) const;
  void expand_ahead(OpenNodes& open_nodes, std::size_t n_splits_left);
  Expansion expand(Node& node, Spares& spares, bool evaluate, int threads);
  void evaluate_children(Node& node, Expansion& children, Spares& spares, int threads);
  [[nodiscard]] NodeTotal total(const Node& node) const;
  [[nodiscard]] SparseWords::Node in_words(const Node& node, bool searched = true) const;
  [[nodiscard]] kernel::BinRange heavy_enough(const Node& node, std::vector<std::uint64_t> weights) const;
  [[nodiscard]] bool leaves_too_little(const Node& node, const std::vector<std::uint64_t>& weights) const;
  [[nodiscard]] std::vector<std::uint64_t> weights_by_code(const Node& node) const;
  Cell build(Node& node, const NodeHistogram* parent, int threads);
  void fill(Node& node, HistogramBuilder::WordRange words);
  void evaluate(Node& node, int threads);
  void choose_split(Node& node);
  void restrict_split(Node& node, std::vector<std::uint64_t> weights, Spares& spares, int threads);
  Spares lend(const Node& node, const OpenNodes& open_nodes);
  void take_back(NodeHistogram*& histogram);
  [[nodiscard]] GrownTree collect();

  const BinnedMatrix& matrix_;
  const BinMapper& mapper_;
  TreeParams params_;  // of the sample
  int threads_;
  const double* weights_;
  RowPartition partition_;
  std::uint64_t min_weight_;  // min_child_samples in steps
  HistogramLayout layout_;    // the words of the matrix that are searched
  SplitSearch search_;
  std::unique_ptr<SmallGrower> small_;  // null where the matrix is not small
  HistogramBuilder builder_;
  bool counts_rows_;
  SparseWords sparse_words_;
  HistogramPool pool_;
  const Cell* pairs_ = nullptr;
  std::vector<Node> nodes_;
  std::vector<Route> routes_;  // of the tree just grown, node by node
  std::int32_t next_rank_ = 0;
};

}  // namespace curvature
