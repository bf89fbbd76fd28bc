#include "tree/histogram_builder.hpp"

#include <algorithm>
#include <cstring>

#include "base/profile.hpp"
#include "base/threads.hpp"

namespace curvature {
namespace {

constexpr std::size_t kBlockWords = 8;  // 64 codes: one cache line a row; the cells of a block stay in L2

void clear(Cell* begin, Cell* end) { std::memset(begin, 0, static_cast<std::size_t>(end - begin) * sizeof(Cell)); }

}  // namespace

HistogramBuilder::HistogramBuilder(const BinnedMatrix& matrix, int threads) : matrix_(matrix) {
  const auto cut = [this](std::size_t begin, std::size_t end) {
    for (std::size_t word = begin; word < end; word += kBlockWords) {
      blocks_.push_back({word, std::min(word + kBlockWords, end)});
    }
  };
  cut(0, matrix.n_narrow_words());
  cut(matrix.n_narrow_words(), matrix.layout().words.size());
  private_.resize(static_cast<std::size_t>(std::max(0, threads - 1)));
}

void HistogramBuilder::add_rows(WordRange words, const Cell* pairs, const RowIndex* rows, std::size_t n_rows,
                                Cell* histogram) const {
  const std::vector<Word>& all = matrix_.layout().words;
  std::size_t n_slots = 0;
  for (std::size_t word = words.first; word < words.last; ++word) n_slots += static_cast<std::size_t>(all[word].slots);
  const profile::Scope scope(Phase::accumulate, n_rows * n_slots);
  const std::size_t end = words.last < all.size() ? all[words.last].offset : matrix_.layout().cells;
  clear(histogram + all[words.first].offset, histogram + end);
  kernel::AccumulateTask task = matrix_.accumulate_task(words.first, words.last);
  task.rows = rows;
  task.n_rows = n_rows;
  task.pairs = pairs;
  task.histogram = histogram;
  kernel::histogram_table().accumulate(task);
}

void HistogramBuilder::build(const Cell* pairs, const RowIndex* rows, std::size_t n_rows, Cell* histogram,
                             int threads) {
  const auto team = static_cast<std::size_t>(threads);
  if (threads <= 1 || blocks_.size() >= 2 * team) {
    parallel_for(blocks_.size(), threads,
                 [&](std::size_t block, int) { add_rows(blocks_[block], pairs, rows, n_rows, histogram); });
    return;
  }
  const std::size_t cells = matrix_.layout().cells;
  const std::size_t share = (n_rows + team - 1) / team;
  parallel_for(team, threads, [&](std::size_t part, int) {
    Cell* target = histogram;
    if (part > 0) {
      AlignedBuffer<Cell>& own = private_[part - 1];
      if (own.empty()) own = AlignedBuffer<Cell>(cells);
      target = own.data();
    }
    const std::size_t begin = std::min(part * share, n_rows);
    const std::size_t end = std::min(begin + share, n_rows);
    for (const WordRange& block : blocks_) add_rows(block, pairs, rows + begin, end - begin, target);
  });
  for (std::size_t part = 1; part < team; ++part) {
    const Cell* own = private_[part - 1].data();
    for (std::size_t i = 0; i < cells; ++i) histogram[i] += own[i];
  }
}

}  // namespace curvature
