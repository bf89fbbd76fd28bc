#include "data/binned_matrix.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <numeric>
#include <variant>

#include "base/profile.hpp"
#include "base/threads.hpp"
#include "kernel/binning.hpp"

namespace curvature {
namespace {

constexpr std::size_t kBlockRows = 512;  // a block's codes (32 bytes a row at 28 columns) and values stay in L2
constexpr std::int32_t kNarrowCodes = 256;

// The values of a category are its codes.
struct CategoryCodes {
  template <class Code>
  void encode(const float* values, std::size_t n, Code* codes) const {
    for (std::size_t i = 0; i < n; ++i) codes[i] = values[i] != values[i] ? Code{0} : static_cast<Code>(values[i]);
  }
};

// One column on its way to codes: where its values are, and its cuts in the type they are compared in.
struct Encoder {
  const Column* column;
  std::variant<CategoryCodes, kernel::CutSearch<float>, kernel::CutSearch<double>> search;

  Encoder(const Column& source, const std::vector<double>& cuts) : column(&source) {
    if (source.is_category()) return;
    if (source.fits_float()) {
      search.emplace<kernel::CutSearch<float>>(cuts);
    } else {
      search.emplace<kernel::CutSearch<double>>(cuts);
    }
  }

  template <class Code>
  void encode(std::size_t begin, std::size_t n, Code* codes) const {
    if (const auto* doubles = std::get_if<kernel::CutSearch<double>>(&search)) {
      encode_as<double>(*doubles, begin, n, codes);
    } else if (const auto* floats = std::get_if<kernel::CutSearch<float>>(&search)) {
      encode_as<float>(*floats, begin, n, codes);
    } else {
      encode_as<float>(CategoryCodes{}, begin, n, codes);
    }
  }

 private:
  template <class Value, class Search, class Code>
  void encode_as(const Search& cuts, std::size_t begin, std::size_t n, Code* codes) const {
    Value values[kBlockRows];
    {
      const profile::Scope scope(Phase::ingest, n);
      read_values(*column, begin, n, values);
    }
    cuts.encode(values, n, codes);
  }
};

// Codes of one block of a column, and the same codes strewn over the rows. Returns whether one that counts is missing.
template <class Code>
bool encode_block(const Encoder& encoder, std::size_t begin, std::size_t n, Code* column, Code* rows,
                  std::size_t row_stride, const double* weights) {
  encoder.encode(begin, n, column);
  for (std::size_t i = 0; i < n; ++i) rows[i * row_stride] = column[i];
  if (!weights) return std::find(column, column + n, Code{0}) != column + n;
  bool any = false;
  for (std::size_t i = 0; i < n; ++i) any = any || (column[i] == 0 && weights[begin + i] > 0);
  return any;
}

}  // namespace

BinnedMatrix::BinnedMatrix(const Table& table, const BinMapper& mapper, const double* weights, int threads)
    : n_rows_(table.n_rows), is_sparse_(table.sparse.has_value()) {
  if (is_sparse_) {
    sparse_ = SparseCodes(*table.sparse, n_rows_, mapper, weights, threads);
    layout_ = sparse_.layout();
    slot_features_ = sparse_.slot_features();
    missing_ = sparse_.missing();
    n_narrow_words_ = layout_.words.size();
  } else {
    fill_dense(table, mapper, weights, threads);
  }
}

void BinnedMatrix::fill_dense(const Table& table, const BinMapper& mapper, const double* weights, int threads) {
  place_slots(mapper);
  allocate();
  const std::size_t n_narrow_slots = n_narrow_words_ * kWordSlots;
  std::vector<std::unique_ptr<Encoder>> encoders(n_slots());
  for (std::size_t slot = 0; slot < n_slots(); ++slot) {
    if (feature_of(slot) == kNoFeature) continue;
    const auto feature = static_cast<std::size_t>(feature_of(slot));
    encoders[slot] = std::make_unique<Encoder>(table.columns[feature], mapper.cuts(feature));
  }
  std::vector<std::atomic<bool>> missing(n_slots());
  const int useful = n_rows_ * n_slots() < 50'000 ? 1 : threads;
  parallel_ranges(n_rows_, kBlockRows, useful, [&](std::size_t begin, std::size_t end, int) {
    const std::size_t n = end - begin;
    const profile::Scope scope(Phase::bin, n * mapper.n_features());
    std::uint8_t* narrow = narrow_rows_.data() + begin * narrow_stride_;
    std::memset(narrow, 0, n * narrow_stride_);
    for (std::size_t slot = 0; slot < n_slots(); ++slot) {
      if (!encoders[slot]) continue;
      bool any;
      if (slot < n_narrow_slots) {
        any = encode_block(*encoders[slot], begin, n, narrow_columns_.data() + slot * column_stride_ + begin,
                           narrow + slot, narrow_stride_, weights);
      } else {
        const std::size_t wide = slot - n_narrow_slots;
        any = encode_block(*encoders[slot], begin, n, wide_columns_.data() + wide * column_stride_ + begin,
                           wide_rows_.data() + begin * wide_stride_ + wide, wide_stride_, weights);
      }
      if (any) missing[slot].store(true, std::memory_order_relaxed);
    }
  });
  for (std::size_t slot = 0; slot < n_slots(); ++slot) {
    missing_.push_back(missing[slot]);
    if (missing[slot]) layout_.words[slot / kWordSlots].has_missing = true;
  }
}

void BinnedMatrix::place_slots(const BinMapper& mapper) {
  std::vector<std::int32_t> order(mapper.n_features());
  std::iota(order.begin(), order.end(), 0);
  const auto codes = [&](std::int32_t feature) { return mapper.n_codes(static_cast<std::size_t>(feature)); };
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) { return codes(a) > codes(b); });
  const auto first_narrow =
      std::find_if(order.begin(), order.end(), [&](std::int32_t f) { return codes(f) <= kNarrowCodes; });
  const auto place = [&](auto begin, auto end, bool wide) {
    for (auto at = begin; at < end; at += std::min<std::ptrdiff_t>(kWordSlots, end - at)) {
      const auto slots = static_cast<std::int32_t>(std::min<std::ptrdiff_t>(kWordSlots, end - at));
      layout_.append({.lines = codes(*at), .slots = slots, .wide = wide});
      slot_features_.insert(slot_features_.end(), at, at + slots);
      slot_features_.resize(layout_.words.size() * kWordSlots, kNoFeature);
    }
  };
  place(first_narrow, order.end(), false);
  n_narrow_words_ = layout_.words.size();
  place(order.begin(), first_narrow, true);
  n_narrow_ = static_cast<std::size_t>(order.end() - first_narrow);
  n_wide_ = static_cast<std::size_t>(first_narrow - order.begin());
}

void BinnedMatrix::allocate() {
  constexpr std::size_t kSlack = 16;  // a kernel may read eight codes at once past the last row
  column_stride_ = (n_rows_ + 63) / 64 * 64;
  // Whole words keep rows from straddling cache lines, at no more than 4 bytes a row.
  narrow_stride_ = (n_narrow_ + 3) / 4 * 4;
  if (n_narrow_words_ * kWordSlots <= n_narrow_ + 4) narrow_stride_ = n_narrow_words_ * kWordSlots;
  wide_stride_ = n_wide_;
  narrow_rows_ = AlignedBuffer<std::uint8_t>(n_rows_ * narrow_stride_ + kSlack);
  narrow_columns_ = AlignedBuffer<std::uint8_t>(n_narrow_ * column_stride_);
  wide_rows_ = AlignedBuffer<std::uint16_t>(n_rows_ * wide_stride_ + kSlack);
  wide_columns_ = AlignedBuffer<std::uint16_t>(n_wide_ * column_stride_);
}

std::size_t BinnedMatrix::bytes() const {
  if (is_sparse_) return sparse_.bytes();
  return narrow_rows_.size() + narrow_columns_.size() + 2 * (wide_rows_.size() + wide_columns_.size());
}

std::size_t BinnedMatrix::codes_a_row() const {
  return is_sparse_ ? sparse_.n_kept() / std::max<std::size_t>(1, n_rows_) + 1 : n_slots();
}

kernel::AccumulateTask BinnedMatrix::accumulate_task(std::size_t first_word, std::size_t last_word) const {
  kernel::AccumulateTask task;
  if (first_word < n_narrow_words_) {
    task.codes = narrow_rows_.data() + first_word * kWordSlots;
    task.row_stride = narrow_stride_;
  } else {
    task.codes = wide_rows_.data() + (first_word - n_narrow_words_) * kWordSlots;
    task.row_stride = wide_stride_;
  }
  task.words = layout_.words.data() + first_word;
  task.n_words = last_word - first_word;
  return task;
}

}  // namespace curvature
