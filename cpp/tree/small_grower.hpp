// Grows trees on a matrix of few cells, where histograms cost more than the rows themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "data/bin_mapper.hpp"
#include "data/binned_matrix.hpp"
#include "kernel/sorted_scan.hpp"
#include "tree/grown_tree.hpp"
#include "tree/parameters.hpp"
#include "tree/split_search.hpp"

namespace curvature {

/// The same trees as of a Grower, by one thread: rows lie in the order of every column's codes once a fit, and a node
/// is a bit a row and column.
class SmallGrower {
 public:
  /// Null where histograms do better, or what is asked for takes them: weights, categories, an L1 penalty, codes of two
  /// bytes, sparse rows, a sample.
  static std::unique_ptr<SmallGrower> make(const BinnedMatrix& matrix, const BinMapper& mapper,
                                           const TreeParams& params, const SplitSearch& search, const double* weights,
                                           std::uint64_t min_rows);
  SmallGrower(const BinnedMatrix& matrix, const BinMapper& mapper, const TreeParams& params, const SplitSearch& search,
              std::uint64_t min_rows);

  /// As Grower::grow; `search` has begun the tree.
  [[nodiscard]] GrownTree grow(const Cell* pairs, std::uint64_t key);
  [[nodiscard]] const RowIndex* rows(RowSegment segment) const { return rows_.data() + segment.begin; }

 private:
  using Members = std::vector<std::uint64_t>;  // a bit a row and column
  static constexpr std::uint32_t kNoMembers = static_cast<std::uint32_t>(-1);

  struct Node {
    RowSegment rows;
    Cell sum = 0;
    std::uint64_t key = 0;
    std::int32_t depth = 0;
    std::int32_t rank = 0;               // the order in which nodes were opened
    std::uint32_t members = kNoMembers;  // in members_, while it may be split
    SplitCandidate split;
    std::size_t column = 0;       // of the split
    std::uint32_t n_missing = 0;  // rows there
    std::uint32_t n_before = 0;   // those before the cut, missing ones among them
    std::size_t left = 0;         // child, once the node is split; right = left + 1

    [[nodiscard]] std::size_t n_left() const { return split.codes.missing_left ? n_before : n_before - n_missing; }
  };

  void sort_rows();
  void plant(const Cell* pairs, std::uint64_t key);
  void split(std::size_t node, bool search_children);
  void write_rows(const Node& node);
  void part_members(Node& parent, Node& left, Node& right);
  void search(Node& node);
  [[nodiscard]] bool choose(Node& node);
  [[nodiscard]] bool may_split(const Node& node) const;
  [[nodiscard]] bool comes_after(std::size_t a, std::size_t b) const;
  void open(std::size_t node);
  [[nodiscard]] std::uint32_t take_members();
  void give_back(Node& node);
  [[nodiscard]] GrownTree collect() const;

  const BinnedMatrix& matrix_;
  const BinMapper& mapper_;
  TreeParams params_;
  const SplitSearch& search_;
  std::size_t min_rows_;
  std::vector<std::size_t> slots_;  // of the columns, by feature
  std::size_t n_columns_;
  std::size_t n_rows_;
  std::size_t stride_;                   // places between two columns
  AlignedBuffer<std::uint8_t> codes_;    // by column and place
  AlignedBuffer<kernel::Place> row_at_;  // likewise
  AlignedBuffer<std::uint32_t> bit_of_;  // by row and column: in the members
  AlignedBuffer<bool> has_missing_;
  std::vector<std::uint8_t> drawn_;  // as a NodeHistogram's
  AlignedBuffer<bool> searched_, held_;
  kernel::SortedScratch scratch_;
  std::vector<kernel::SortedCut> cuts_;
  AlignedBuffer<RowIndex> rows_;
  AlignedBuffer<Cell> pairs_;  // by column and place
  std::vector<Members> members_;
  std::vector<std::uint32_t> free_members_;
  std::vector<Node> nodes_;
  std::vector<std::size_t> open_;  // a heap, the next to be split on top
  std::int32_t next_rank_ = 0;
};

}  // namespace curvature
