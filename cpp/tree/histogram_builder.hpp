// A node's histogram from its rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "data/binned_matrix.hpp"
#include "kernel/histogram.hpp"
#include "tree/histogram_pool.hpp"
#include "tree/row_partition.hpp"

namespace curvature {

/// Whether the rows of a node are counted besides, code by code, so that cuts which leave a child too light are not
/// tried at all.
[[nodiscard]] bool counts_rows(const BinnedMatrix& matrix, const double* weights, bool hessian_is_weight,
                               std::uint64_t min_weight);

/// Lives as long as a trainer; holds the private histograms of the extra threads. `build` with one thread may run
/// on several nodes at once.
class HistogramBuilder {
 public:
  /// `layout` has the first words of the matrix: all of a dense one; the others are left out.
  HistogramBuilder(const BinnedMatrix& matrix, const HistogramLayout& layout, const RowPartition& partition,
                   int threads);

  /// histogram := sum of the pairs of `rows`; of a sparse matrix its live words, but for the default codes. With
  /// several threads, rows (few columns) or words (many) are shared out; the sums are integers, so how does not matter.
  /// Returns the sum of the pairs.
  Cell build(const Cell* pairs, const RowIndex* rows, std::size_t n_rows, NodeHistogram& histogram, int threads);

  /// Subtracts some of a sparse node's rows, as they were added but for the default codes.
  void take_out(const Cell* pairs, const RowIndex* rows, std::size_t n_rows, NodeHistogram& histogram) const;

  /// Neighbouring words of a dense matrix.
  struct WordRange {
    std::size_t first, last;
  };
  /// All words in ranges to be filled one after the other, or by the threads side by side.
  [[nodiscard]] const std::vector<WordRange>& ranges(int threads) const { return threads > 1 ? shares_ : blocks_; }
  /// These words of `histogram` := sum of the pairs of `rows`.
  void fill(WordRange words, const Cell* pairs, const RowIndex* rows, std::size_t n_rows,
            NodeHistogram& histogram) const;
  /// The counts of rows, where the histogram has any: `fill` does so itself, `build` does not.
  void count(const RowIndex* rows, std::size_t n_rows, NodeHistogram& histogram) const;
  /// A word in `larger` -= the one in `smaller`.
  void subtract(std::size_t word, NodeHistogram& larger, const NodeHistogram& smaller) const;
  /// Fills the default codes' cells of a sparse matrix' word, so that each slot adds up to the node's sum.
  void complete(std::size_t word, Cell sum, NodeHistogram& histogram) const;

 private:
  void add_rows(WordRange words, const Cell* pairs, const RowIndex* rows, std::size_t n_rows, Cell* histogram) const;
  void count_rows(WordRange words, const RowIndex* rows, std::size_t n_rows, NodeHistogram& histogram) const;
  /// All words of a dense matrix.
  void add_rows(const Cell* pairs, const RowIndex* rows, std::size_t n_rows, Cell* histogram) const;
  void clear_words(const std::vector<std::uint32_t>& words, NodeHistogram& histogram) const;
  Cell add_sparse_rows(const Cell* pairs, const RowIndex* rows, std::size_t n_rows, bool taken_out,
                       NodeHistogram& histogram) const;
  Cell build_sparse(const Cell* pairs, const RowIndex* rows, std::size_t n_rows, NodeHistogram& histogram, int threads);

  const BinnedMatrix& matrix_;
  const HistogramLayout& layout_;
  std::vector<WordRange> blocks_;  // as many words as stay near
  std::vector<WordRange> shares_;  // smaller ones, so that every thread has some
  // Of a sparse matrix:
  std::vector<std::size_t> row_end_;  // of each row: past its last cell within the layout
  std::vector<std::uint64_t> row_weights_;
  std::vector<std::uint32_t> line_slots_;
  std::vector<NodeHistogram>
      private_;  // one for every thread but the first; cells, of sparse ones also what rows count
};

}  // namespace curvature
