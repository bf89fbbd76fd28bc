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
  HistogramBuilder(const BinnedMatrix& matrix, int threads);

  /// histogram := sum of the pairs of `rows`. With several threads, rows (few columns) or words (many) are shared out;
  /// the sums are integers, so how does not matter.
  void build(const Cell* pairs, const RowIndex* rows, std::size_t n_rows, Cell* histogram, int threads);

 private:
  struct WordRange {
    std::size_t first, last;
  };
  void add_rows(WordRange words, const Cell* pairs, const RowIndex* rows, std::size_t n_rows, Cell* histogram) const;

  const BinnedMatrix& matrix_;
  std::vector<WordRange> blocks_;
  std::vector<AlignedBuffer<Cell>> private_;  // one for every thread but the first
};

}  // namespace curvature
