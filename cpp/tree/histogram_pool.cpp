#include "tree/histogram_pool.hpp"

#include <algorithm>
#include <numeric>

namespace curvature {

HistogramPool::HistogramPool(const HistogramLayout& layout, bool sparse, bool counts_rows, std::size_t matrix_bytes)
    : cells_(layout.cells), slots_(layout.words.size() * kWordSlots), sparse_(sparse), counts_rows_(counts_rows) {
  const std::size_t bytes = std::max<std::size_t>(1, cells_ * sizeof(Cell));
  capacity_ = std::max(kLeast, std::max(kBytes, matrix_bytes / 4) / bytes);
}

NodeHistogram* HistogramPool::acquire(bool beyond) {
  if (free_.empty()) {
    if (all_.size() >= capacity_ && !beyond) return nullptr;
    all_.push_back(std::make_unique<NodeHistogram>());
    free_.push_back(all_.back().get());
    all_.back()->cells = AlignedBuffer<Cell>(cells_);
    all_.back()->drawn.assign(slots_ / kWordSlots + 1, 0xff);
    all_.back()->splits.resize(slots_);
    all_.back()->word_scores.resize(slots_ / kWordSlots);
    if (counts_rows_) all_.back()->counts = AlignedBuffer<RowCount>(cells_);
    if (sparse_ && counts_rows_) all_.back()->word_bounds.resize(slots_ / kWordSlots);
    if (sparse_ && !counts_rows_) all_.back()->weights.resize(slots_);
    all_.back()->live_words.resize(slots_ / kWordSlots);
    std::iota(all_.back()->live_words.begin(), all_.back()->live_words.end(), 0u);
  }
  NodeHistogram* histogram = free_.back();  // the one used last is the warmest
  free_.pop_back();
  return histogram;
}

void HistogramPool::release(NodeHistogram* histogram) {
  if (histogram) free_.push_back(histogram);
}

}  // namespace curvature
