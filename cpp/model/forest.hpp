// An immutable sum of trees: checked once when made, then safe to walk from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "data/table.hpp"
#include "kernel/walk.hpp"
#include "model/bit_sliced_forest.hpp"
#include "model/tree.hpp"

namespace curvature {

class Forest {
 public:
  /// `tree_begin`: index of each tree's root, and the number of all nodes at the end; trees round by round, one an
  /// output. Throws ModelError unless every round and every tree is whole: children forward and within the tree, each
  /// with one parent, features in range, numbers in order.
  Forest(std::int32_t n_features, std::int32_t n_outputs, std::vector<std::int64_t> tree_begin, TreeNodes nodes);

  [[nodiscard]] std::int32_t n_features() const { return n_features_; }
  [[nodiscard]] std::int32_t n_outputs() const { return n_outputs_; }
  [[nodiscard]] std::size_t n_trees() const { return tree_begin_.size() - 1; }
  [[nodiscard]] const std::vector<std::int64_t>& tree_begin() const { return tree_begin_; }
  [[nodiscard]] const TreeNodes& nodes() const { return nodes_; }
  /// Features that some split uses, in increasing order; those split by sets of codes must be categories in the tables,
  /// and the others must not.
  struct UsedFeature {
    std::size_t feature;
    bool by_sets;
  };
  [[nodiscard]] const std::vector<UsedFeature>& used_features() const { return used_features_; }

  /// Whether batches are evaluated by the bit-sliced engine by now.
  [[nodiscard]] bool is_sliced() const { return sliced_->is_made(); }

  /// scores[i * n_outputs + t % n_outputs] += the leaf value of row i in tree t of [first, last), in that order.
  void add_scores(const Table& table, std::size_t first, std::size_t last, double* scores, int threads) const;

  /// leaves[i * n_trees + t]: the index, within tree t, of the leaf that row i falls into.
  void apply(const Table& table, std::int32_t* leaves, int threads) const;

 private:
  void check() const;
  void check_sets() const;
  void find_used_features();
  void make_plan();
  [[nodiscard]] std::vector<std::uint32_t> used_places() const;
  template <std::size_t Rows>
  void walk(std::size_t tree, const double* block, std::size_t stride, std::uint32_t* leaves) const;
  template <class Visit>
  void for_each_block(const Table& table, int threads, Visit&& visit) const;

  std::int32_t n_features_;
  std::int32_t n_outputs_;
  std::vector<std::int64_t> tree_begin_;
  TreeNodes nodes_;
  // What the kernel walks: a compact node, and only the columns that some split uses.
  std::vector<kernel::WalkNode> plan_;
  std::vector<std::int32_t> depth_;
  std::vector<UsedFeature> used_features_;
  std::unique_ptr<LazyBitSlicedForest> sliced_ = std::make_unique<LazyBitSlicedForest>();
};

}  // namespace curvature
