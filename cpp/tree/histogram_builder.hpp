// A node's histogram from its rows.
#pragma once

#include <cstddef>
#include <vector>

#include "data/binned_matrix.hpp"
#include "kernel/histogram.hpp"
#include "tree/histogram_pool.hpp"

namespace curvature {

/// Lives as long as a trainer; holds the private histograms of the extra threads. `build` with one thread may run
/// on several nodes at once.
class HistogramBuilder {
 public:
  /// `layout` has the first words of the matrix: all of a dense one; the others are left out.
  HistogramBuilder(const BinnedMatrix& matrix, const HistogramLayout& layout, int threads);

  /// histogram := sum of the pairs of `rows`. With several threads, rows (few columns) or words (many) are shared out;
  /// the sums are integers, so how does not matter.
  void build(const Cell* pairs, const RowIndex* rows, std::size_t n_rows, Cell* histogram, int threads);

 private:
  struct WordRange {
    std::size_t first, last;
  };
  void add_rows(WordRange words, const Cell* pairs, const RowIndex* rows, std::size_t n_rows, Cell* histogram) const;
  /// All words; of a sparse matrix all cells but those of default codes. Returns the sum of the pairs there, else 0.
  Cell add_rows(const Cell* pairs, const RowIndex* rows, std::size_t n_rows, Cell* histogram) const;
  void complete(Cell* histogram, Cell total) const;

  const BinnedMatrix& matrix_;
  const HistogramLayout& layout_;
  std::vector<std::size_t> sparse_row_end_;  // of each row of a sparse matrix: past its last cell within the layout
  std::vector<WordRange> blocks_;
  std::vector<AlignedBuffer<Cell>> private_;  // one for every thread but the first
};

}  // namespace curvature
