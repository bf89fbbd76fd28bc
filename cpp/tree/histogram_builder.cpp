#include "tree/histogram_builder.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/profile.hpp"
#include "base/threads.hpp"

namespace curvature {
namespace {

constexpr std::size_t kBlockWords = 8;  // 64 codes: one cache line a row; the cells of a block stay in L2
constexpr std::size_t kLeastWords = 2;  // go over the rows together

void clear(Cell* begin, Cell* end) { std::memset(begin, 0, static_cast<std::size_t>(end - begin) * sizeof(Cell)); }

}  // namespace

// Of a dense matrix it pays where few cells are to be counted, and Hessians that are weights tell as much themselves.
// Of a sparse one it costs no more than to weigh the rows of the slots.
bool counts_rows(const BinnedMatrix& matrix, const double* weights, bool hessian_is_weight, std::uint64_t min_weight) {
  constexpr std::size_t kCountedCells = 20'000;
  if (weights) return false;
  if (matrix.is_sparse()) {
    const std::vector<Word>& words = matrix.layout().words;
    const bool few_lines = std::all_of(words.begin(), words.end(),
                                       [](const Word& word) { return word.lines <= kernel::kMostCountedLines; });
    return few_lines && matrix.n_rows() <= kernel::kMostCounted;
  }
  return matrix.n_rows() * matrix.codes_a_row() <= kCountedCells && !hessian_is_weight && min_weight > 1;
}

HistogramBuilder::HistogramBuilder(const BinnedMatrix& matrix, const HistogramLayout& layout,
                                   const RowPartition& partition, int threads)
    : matrix_(matrix), layout_(layout) {
  private_.resize(static_cast<std::size_t>(std::max(0, threads - 1)));
  if (matrix.is_sparse()) {
    const SparseCodes& codes = matrix.sparse();
    const std::uint32_t* cells = codes.cells().data();
    for (std::size_t row = 0; row < matrix.n_rows(); ++row) {
      const std::uint32_t* end =
          std::partition_point(cells + codes.row_begin()[row], cells + codes.row_begin()[row + 1],
                               [&](std::uint32_t cell) { return cell < layout.cells; });
      row_end_.push_back(static_cast<std::size_t>(end - cells));
    }
    row_weights_ = partition.row_weights();
    for (std::size_t word = 0; word < layout.words.size(); ++word) {
      line_slots_.insert(line_slots_.end(), static_cast<std::size_t>(layout.words[word].lines),
                         static_cast<std::uint32_t>(word * kWordSlots));
    }
    return;
  }
  const auto cut = [](std::size_t begin, std::size_t end, std::size_t most, std::vector<WordRange>& ranges) {
    for (std::size_t word = begin; word < end; word += most) ranges.push_back({word, std::min(word + most, end)});
  };
  const std::size_t n_words = layout.words.size();
  const auto team = static_cast<std::size_t>(std::max(1, threads));
  const std::size_t share = std::clamp((n_words + team - 1) / team, kLeastWords, kBlockWords);
  cut(0, matrix.n_narrow_words(), kBlockWords, blocks_);
  cut(matrix.n_narrow_words(), n_words, kBlockWords, blocks_);
  cut(0, matrix.n_narrow_words(), share, shares_);
  cut(matrix.n_narrow_words(), n_words, share, shares_);
}

void HistogramBuilder::fill(WordRange words, const Cell* pairs, const RowIndex* rows, std::size_t n_rows,
                            NodeHistogram& histogram) const {
  add_rows(words, pairs, rows, n_rows, histogram.cells.data());
  count_rows(words, rows, n_rows, histogram);
}

void HistogramBuilder::count_rows(WordRange words, const RowIndex* rows, std::size_t n_rows,
                                  NodeHistogram& histogram) const {
  if (histogram.counts.empty() || layout_.words[words.first].wide) return;
  const profile::Scope scope(Phase::accumulate, 0);
  kernel::AccumulateTask task = matrix_.accumulate_task(words.first, words.last);
  task.rows = rows;
  task.n_rows = n_rows;
  kernel::row_count_table().count(task, histogram.counts.data());
}

void HistogramBuilder::count(const RowIndex* rows, std::size_t n_rows, NodeHistogram& histogram) const {
  for (const WordRange& block : blocks_) count_rows(block, rows, n_rows, histogram);
}

void HistogramBuilder::complete(std::size_t word, Cell sum, NodeHistogram& histogram) const {
  const profile::Scope scope(Phase::accumulate, 0);
  const Word& own = layout_.words[word];
  kernel::histogram_table().complete(histogram.cells.data() + own.offset, own.lines,
                                     matrix_.sparse().default_codes() + word * kWordSlots, sum);
}

void HistogramBuilder::subtract(std::size_t word, NodeHistogram& larger, const NodeHistogram& smaller) const {
  const profile::Scope scope(Phase::accumulate, 0);
  const std::size_t offset = layout_.words[word].offset;
  const std::size_t n_cells = static_cast<std::size_t>(layout_.words[word].lines) * kWordSlots;
  kernel::histogram_table().subtract(larger.cells.data() + offset, smaller.cells.data() + offset, n_cells);
  if (larger.counts.empty() || layout_.words[word].wide) return;
  kernel::row_count_table().subtract(larger.counts.data() + offset, smaller.counts.data() + offset, n_cells);
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

void HistogramBuilder::add_rows(const Cell* pairs, const RowIndex* rows, std::size_t n_rows, Cell* histogram) const {
  for (const WordRange& block : blocks_) add_rows(block, pairs, rows, n_rows, histogram);
}

void HistogramBuilder::clear_words(const std::vector<std::uint32_t>& words, NodeHistogram& histogram) const {
  const profile::Scope scope(Phase::accumulate, 0);
  for (const std::uint32_t word : words) {
    const std::size_t offset = layout_.words[word].offset;
    const std::size_t n_cells = static_cast<std::size_t>(layout_.words[word].lines) * kWordSlots;
    std::fill_n(histogram.cells.data() + offset, n_cells, Cell{0});
    if (!histogram.counts.empty()) std::fill_n(histogram.counts.data() + offset, n_cells, RowCount{0});
  }
  std::fill(histogram.weights.begin(), histogram.weights.end(), 0);
}

Cell HistogramBuilder::add_sparse_rows(const Cell* pairs, const RowIndex* rows, std::size_t n_rows, bool taken_out,
                                       NodeHistogram& histogram) const {
  const SparseCodes& codes = matrix_.sparse();
  const profile::Scope scope(Phase::accumulate, n_rows * matrix_.codes_a_row());
  kernel::AccumulateSparseTask task;
  task.cells = codes.cells().data();
  task.row_begin = codes.row_begin().data();
  task.row_end = row_end_.data();
  task.rows = rows;
  task.n_rows = n_rows;
  task.taken_out = taken_out;
  task.pairs = pairs;
  task.histogram = histogram.cells.data();
  task.counts = histogram.counts.empty() ? nullptr : histogram.counts.data();
  task.row_weights = row_weights_.empty() ? nullptr : row_weights_.data();
  task.line_slots = line_slots_.data();
  task.slot_weights = histogram.weights.data();
  return kernel::histogram_table().accumulate_sparse(task);
}

void HistogramBuilder::take_out(const Cell* pairs, const RowIndex* rows, std::size_t n_rows,
                                NodeHistogram& histogram) const {
  add_sparse_rows(pairs, rows, n_rows, true, histogram);
}

Cell HistogramBuilder::build_sparse(const Cell* pairs, const RowIndex* rows, std::size_t n_rows,
                                    NodeHistogram& histogram, int threads) {
  const auto team = static_cast<std::size_t>(threads);
  const std::size_t share = (n_rows + team - 1) / team;
  std::vector<Cell> totals(team);
  parallel_for(team, threads, [&](std::size_t part, int) {
    if (part > 0 && private_[part - 1].cells.empty()) {
      private_[part - 1].cells = AlignedBuffer<Cell>(layout_.cells, 0);
      if (!histogram.counts.empty()) private_[part - 1].counts = AlignedBuffer<RowCount>(layout_.cells, 0);
      private_[part - 1].weights.resize(histogram.weights.size());
    }
    const std::size_t begin = std::min(part * share, n_rows);
    const std::size_t end = std::min(begin + share, n_rows);
    NodeHistogram& own = part > 0 ? private_[part - 1] : histogram;
    clear_words(histogram.live_words, own);  // what is added to the others is not looked at
    totals[part] = add_sparse_rows(pairs, rows + begin, end - begin, false, own);
  });
  for (std::size_t part = 1; part < team; ++part) {
    const NodeHistogram& own = private_[part - 1];
    for (const std::uint32_t word : histogram.live_words) {
      const std::size_t offset = layout_.words[word].offset;
      const std::size_t end = offset + static_cast<std::size_t>(layout_.words[word].lines) * kWordSlots;
      for (std::size_t i = offset; i < end; ++i) histogram.cells[i] += own.cells[i];
      for (std::size_t i = offset; i < end && !own.counts.empty(); ++i) {
        histogram.counts[i] = static_cast<RowCount>(histogram.counts[i] + own.counts[i]);
      }
    }
    for (std::size_t i = 0; i < histogram.weights.size(); ++i) histogram.weights[i] += own.weights[i];
  }
  return std::accumulate(totals.begin(), totals.end(), Cell{0});
}

Cell HistogramBuilder::build(const Cell* pairs, const RowIndex* rows, std::size_t n_rows, NodeHistogram& histogram,
                             int threads) {
  if (matrix_.is_sparse()) return build_sparse(pairs, rows, n_rows, histogram, std::max(1, threads));
  Cell* target = histogram.cells.data();
  const auto team = static_cast<std::size_t>(threads);
  if (threads <= 1 || blocks_.size() >= 2 * team) {
    parallel_for(blocks_.size(), threads,
                 [&](std::size_t block, int) { add_rows(blocks_[block], pairs, rows, n_rows, target); });
  } else {
    const std::size_t cells = layout_.cells;
    const std::size_t share = (n_rows + team - 1) / team;
    parallel_for(team, threads, [&](std::size_t part, int) {
      Cell* own = target;
      if (part > 0) {
        AlignedBuffer<Cell>& extra = private_[part - 1].cells;
        if (extra.empty()) extra = AlignedBuffer<Cell>(cells);
        own = extra.data();
      }
      const std::size_t begin = std::min(part * share, n_rows);
      const std::size_t end = std::min(begin + share, n_rows);
      add_rows(pairs, rows + begin, end - begin, own);
    });
    for (std::size_t part = 1; part < team; ++part) {
      const Cell* own = private_[part - 1].cells.data();
      for (std::size_t i = 0; i < cells; ++i) target[i] += own[i];
    }
  }
  Cell total = 0;
  const Word& word = layout_.words[0];  // every slot's cells add up to the total
  for (std::int32_t bin = 0; bin < word.lines; ++bin) total += target[cell_index(word, 0, bin)];
  return total;
}

}  // namespace curvature
