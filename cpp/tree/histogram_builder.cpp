#include "tree/histogram_builder.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/profile.hpp"
#include "base/threads.hpp"

namespace curvature {
namespace {

constexpr std::size_t kBlockWords = 8;  // 64 codes: one cache line a row; the cells of a block stay in L2

void clear(Cell* begin, Cell* end) { std::memset(begin, 0, static_cast<std::size_t>(end - begin) * sizeof(Cell)); }

}  // namespace

HistogramBuilder::HistogramBuilder(const BinnedMatrix& matrix, const HistogramLayout& layout, int threads)
    : matrix_(matrix), layout_(layout) {
  private_.resize(static_cast<std::size_t>(std::max(0, threads - 1)));
  if (matrix.is_sparse()) {
    const SparseCodes& codes = matrix.sparse();
    const std::uint32_t* cells = codes.cells().data();
    for (std::size_t row = 0; row < matrix.n_rows(); ++row) {
      const std::uint32_t* end =
          std::partition_point(cells + codes.row_begin()[row], cells + codes.row_begin()[row + 1],
                               [&](std::uint32_t cell) { return cell < layout.cells; });
      sparse_row_end_.push_back(static_cast<std::size_t>(end - cells));
    }
    return;
  }
  const auto cut = [this](std::size_t begin, std::size_t end) {
    for (std::size_t word = begin; word < end; word += kBlockWords) {
      blocks_.push_back({word, std::min(word + kBlockWords, end)});
    }
  };
  cut(0, matrix.n_narrow_words());
  cut(matrix.n_narrow_words(), layout.words.size());
}

void HistogramBuilder::add_rows(WordRange words, const Cell* pairs, const RowIndex* rows, std::size_t n_rows,
                                Cell* histogram) const {
  const std::vector<Word>& all = layout_.words;
  std::size_t n_slots = 0;
  for (std::size_t word = words.first; word < words.last; ++word) n_slots += static_cast<std::size_t>(all[word].slots);
  const profile::Scope scope(Phase::accumulate, n_rows * n_slots);
  const std::size_t end = words.last < all.size() ? all[words.last].offset : layout_.cells;
  clear(histogram + all[words.first].offset, histogram + end);
  kernel::AccumulateTask task = matrix_.accumulate_task(words.first, words.last);
  task.rows = rows;
  task.n_rows = n_rows;
  task.pairs = pairs;
  task.histogram = histogram;
  kernel::histogram_table().accumulate(task);
}

Cell HistogramBuilder::add_rows(const Cell* pairs, const RowIndex* rows, std::size_t n_rows, Cell* histogram) const {
  if (!matrix_.is_sparse()) {
    for (const WordRange& block : blocks_) add_rows(block, pairs, rows, n_rows, histogram);
    return 0;
  }
  const std::size_t* begin = matrix_.sparse().row_begin().data();
  const std::size_t* end = sparse_row_end_.data();
  std::size_t n_cells = 0;
  for (std::size_t i = 0; i < n_rows; ++i) n_cells += end[rows[i]] - begin[rows[i]];
  const profile::Scope scope(Phase::accumulate, n_cells);
  clear(histogram, histogram + layout_.cells);
  return kernel::histogram_table().accumulate_sparse(
      {matrix_.sparse().cells().data(), begin, end, rows, n_rows, pairs, histogram});
}

void HistogramBuilder::complete(Cell* histogram, Cell total) const {
  const profile::Scope scope(Phase::accumulate, 0);
  const std::uint16_t* defaults = matrix_.sparse().default_codes();
  for (const Word& word : layout_.words) {
    kernel::histogram_table().complete(histogram + word.offset, word.lines, defaults, total);
    defaults += kWordSlots;
  }
}

void HistogramBuilder::build(const Cell* pairs, const RowIndex* rows, std::size_t n_rows, Cell* histogram,
                             int threads) {
  const auto team = static_cast<std::size_t>(threads);
  const bool sparse = matrix_.is_sparse();
  if (threads <= 1) {
    const Cell total = add_rows(pairs, rows, n_rows, histogram);
    if (sparse) complete(histogram, total);
    return;
  }
  if (!sparse && blocks_.size() >= 2 * team) {
    parallel_for(blocks_.size(), threads,
                 [&](std::size_t block, int) { add_rows(blocks_[block], pairs, rows, n_rows, histogram); });
    return;
  }
  const std::size_t cells = layout_.cells;
  const std::size_t share = (n_rows + team - 1) / team;
  std::vector<Cell> totals(team);
  parallel_for(team, threads, [&](std::size_t part, int) {
    Cell* target = histogram;
    if (part > 0) {
      AlignedBuffer<Cell>& own = private_[part - 1];
      if (own.empty()) own = AlignedBuffer<Cell>(cells);
      target = own.data();
    }
    const std::size_t begin = std::min(part * share, n_rows);
    const std::size_t end = std::min(begin + share, n_rows);
    totals[part] = add_rows(pairs, rows + begin, end - begin, target);
  });
  for (std::size_t part = 1; part < team; ++part) {
    const Cell* own = private_[part - 1].data();
    for (std::size_t i = 0; i < cells; ++i) histogram[i] += own[i];
  }
  if (sparse) complete(histogram, std::accumulate(totals.begin(), totals.end(), Cell{0}));
}

}  // namespace curvature
