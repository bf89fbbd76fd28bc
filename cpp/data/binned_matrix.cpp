#include "data/binned_matrix.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <span>
#include <variant>

#include "base/errors.hpp"
#include "base/profile.hpp"
#include "base/threads.hpp"
#include "kernel/binning.hpp"
#include "kernel/transpose.hpp"

namespace curvature {
namespace {

constexpr std::size_t kBlockRows = 256;        // a block's codes (32 bytes a row at 28 columns) stay in L2,
constexpr std::size_t kBlockBytes = 16 << 10;  // and as many columns of its values as are read at once in L1
constexpr std::int32_t kNarrowCodes = 256;

// The values of a category are its codes.
struct CategoryCodes {
  template <class Code>
  void encode(const float* values, std::size_t n, Code* codes) const {
    for (std::size_t i = 0; i < n; ++i) codes[i] = values[i] != values[i] ? Code{0} : static_cast<Code>(values[i]);
  }
};

using Encoder = std::variant<CategoryCodes, kernel::CutSearch<float>, kernel::CutSearch<double>>;

Encoder encoder_of(const Column& column, const std::vector<double>& cuts) {
  if (column.is_category()) return CategoryCodes{};
  if (column.fits_float()) return kernel::CutSearch<float>(cuts);
  return kernel::CutSearch<double>(cuts);
}

template <class Code>
void encode(const Encoder& encoder, const float* values, std::size_t n, Code* codes) {
  if (const auto* search = std::get_if<kernel::CutSearch<float>>(&encoder)) return search->encode(values, n, codes);
  std::get<CategoryCodes>(encoder).encode(values, n, codes);
}
template <class Code>
void encode(const Encoder& encoder, const double* values, std::size_t n, Code* codes) {
  std::get<kernel::CutSearch<double>>(encoder).encode(values, n, codes);
}

// Neighbouring columns that are compared as the same type, as many as are read at once.
struct ColumnRun {
  std::size_t first;
  std::size_t n;
  bool as_float;
};

std::vector<ColumnRun> runs_of(const std::vector<Column>& columns) {
  std::vector<ColumnRun> runs;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const bool as_float = columns[c].fits_float();
    const std::size_t most = kBlockBytes / (kBlockRows * (as_float ? sizeof(float) : sizeof(double)));
    if (runs.empty() || runs.back().as_float != as_float || runs.back().n == most) runs.push_back({c, 0, as_float});
    ++runs.back().n;
  }
  return runs;
}

// Whether a code that counts is missing among those of rows [begin, begin + n).
template <class Code>
bool any_missing(const Code* codes, const double* weights, std::size_t begin, std::size_t n) {
  bool any = false;
  for (std::size_t i = 0; i < n; ++i) any |= codes[i] == 0;
  if (!any || !weights) return any;
  for (std::size_t i = 0; i < n; ++i) {
    if (codes[i] == 0 && weights[begin + i] > 0) return true;
  }
  return false;
}

}  // namespace

BinnedMatrix::BinnedMatrix(const Table& table, const BinMapper& mapper, const double* weights, CodeOrders orders,
                           int threads)
    : orders_(orders), n_rows_(table.n_rows), is_sparse_(table.sparse.has_value()) {
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
  const std::size_t n_features = mapper.n_features();
  std::vector<Encoder> encoders;
  for (std::size_t f = 0; f < n_features; ++f) encoders.push_back(encoder_of(table.columns[f], mapper.cuts(f)));
  std::vector<std::size_t> slot_of(n_features);
  for (std::size_t slot = 0; slot < n_slots(); ++slot) {
    if (feature_of(slot) != kNoFeature) slot_of[static_cast<std::size_t>(feature_of(slot))] = slot;
  }
  const std::vector<ColumnRun> runs = runs_of(table.columns);
  std::vector<std::atomic<bool>> missing(n_slots());
  const std::size_t n_narrow_slots = n_narrow_words_ * kWordSlots;
  const auto encode_run = [&](const ColumnRun& run, std::size_t begin, std::size_t n, const BlockColumns& block,
                              auto* values) {
    {
      const profile::Scope scope(Phase::ingest, n * run.n);
      read_block(std::span(table.columns).subspan(run.first, run.n), begin, n, values, kBlockRows);
    }
    for (std::size_t c = 0; c < run.n; ++c) {
      const std::size_t slot = slot_of[run.first + c];
      const auto fill = [&](auto* codes) {
        encode(encoders[run.first + c], values + c * kBlockRows, n, codes);
        if (any_missing(codes, weights, begin, n)) missing[slot].store(true, std::memory_order_relaxed);
      };
      if (slot < n_narrow_slots) {
        fill(block.narrow + slot * block.stride);
      } else {
        fill(block.wide + (slot - n_narrow_slots) * block.stride);
      }
    }
  };
  const int useful = n_rows_ * n_slots() < 50'000 ? 1 : threads;
  // Columns that are not kept are made a block at a time, by each thread in room of its own.
  std::vector<AlignedBuffer<std::uint8_t>> narrow_room(static_cast<std::size_t>(useful));
  std::vector<AlignedBuffer<std::uint16_t>> wide_room(static_cast<std::size_t>(useful));
  const auto columns_from = [&](std::size_t begin, std::size_t worker) -> BlockColumns {
    if (orders_ == CodeOrders::rows_and_columns) {
      return {narrow_columns_.data() + begin, wide_columns_.data() + begin, column_stride_};
    }
    if (narrow_room[worker].empty()) narrow_room[worker] = AlignedBuffer<std::uint8_t>(n_narrow_ * kBlockRows);
    if (wide_room[worker].empty()) wide_room[worker] = AlignedBuffer<std::uint16_t>(n_wide_ * kBlockRows);
    return {narrow_room[worker].data(), wide_room[worker].data(), kBlockRows};
  };
  parallel_ranges(n_rows_, kBlockRows, useful, [&](std::size_t begin, std::size_t end, int worker) {
    const profile::Scope scope(Phase::bin, (end - begin) * n_features);
    const BlockColumns block = columns_from(begin, static_cast<std::size_t>(worker));
    for (const ColumnRun& run : runs) {
      alignas(64) std::byte values[kBlockBytes];
      if (run.as_float) {
        encode_run(run, begin, end - begin, block, reinterpret_cast<float*>(values));
      } else {
        encode_run(run, begin, end - begin, block, reinterpret_cast<double*>(values));
      }
    }
    strew(begin, end, block);
  });
  keep_missing(missing);
}

// Codes of rows [begin, end), column by column, once more row by row.
void BinnedMatrix::strew(std::size_t begin, std::size_t end, const BlockColumns& block) {
  const std::size_t n = end - begin;
  static constexpr std::uint8_t kNoCodes[kBlockRows] = {};  // of a slot without a feature
  std::uint8_t* const narrow = narrow_rows_.data() + begin * narrow_stride_;
  for (std::size_t first = 0; first < narrow_stride_; first += kWordSlots) {
    const std::uint8_t* columns[kWordSlots];
    for (std::size_t k = 0; k < kWordSlots; ++k) {
      columns[k] = first + k < n_narrow_ ? block.narrow + (first + k) * block.stride : kNoCodes;
    }
    if (first + kWordSlots <= narrow_stride_) {
      kernel::bytes_to_rows(columns, n, narrow + first, narrow_stride_);
      continue;
    }
    for (std::size_t k = 0; first + k < narrow_stride_; ++k) {
      for (std::size_t i = 0; i < n; ++i) narrow[i * narrow_stride_ + first + k] = columns[k][i];
    }
  }
  std::uint16_t* const wide = wide_rows_.data() + begin * wide_stride_;
  for (std::size_t k = 0; k < n_wide_; ++k) {
    const std::uint16_t* const column = block.wide + k * block.stride;
    for (std::size_t i = 0; i < n; ++i) wide[i * wide_stride_ + k] = column[i];
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
  column_stride_ = orders_ == CodeOrders::rows ? 0 : (n_rows_ + 63) / 64 * 64;
  // Whole words keep rows from straddling cache lines, at no more than 4 bytes a row; not where memory is scarce.
  narrow_stride_ = (n_narrow_ + 3) / 4 * 4;
  if (orders_ == CodeOrders::rows_and_columns && n_narrow_words_ * kWordSlots <= n_narrow_ + 4)
    narrow_stride_ = n_narrow_words_ * kWordSlots;
  wide_stride_ = n_wide_;
}

BinnedSizes BinnedMatrix::sizes() const {
  constexpr std::size_t kSlack = 16;  // a kernel may read eight codes at once past the last row
  return {n_rows_ * narrow_stride_ + kSlack, n_narrow_ * column_stride_, n_rows_ * wide_stride_ + kSlack,
          n_wide_ * column_stride_};
}

BinnedSizes BinnedMatrix::sizes(const BinMapper& mapper, std::size_t n_rows) {
  return BinnedMatrix(mapper, n_rows).sizes();
}

void BinnedMatrix::allocate() {
  const BinnedSizes sizes = this->sizes();
  narrow_rows_ = AlignedBuffer<std::uint8_t>(sizes.narrow_rows);
  narrow_columns_ = AlignedBuffer<std::uint8_t>(sizes.narrow_columns);
  wide_rows_ = AlignedBuffer<std::uint16_t>(sizes.wide_rows);
  wide_columns_ = AlignedBuffer<std::uint16_t>(sizes.wide_columns);
  codes_ = {narrow_rows_.data(), narrow_columns_.data(), wide_rows_.data(), wide_columns_.data()};
  // What is no code is 0, so that the same table has the same bytes.
  std::fill(narrow_rows_.data() + n_rows_ * narrow_stride_, narrow_rows_.data() + sizes.narrow_rows, std::uint8_t{0});
  std::fill(wide_rows_.data() + n_rows_ * wide_stride_, wide_rows_.data() + sizes.wide_rows, std::uint16_t{0});
  if (orders_ == CodeOrders::rows) return;
  for (std::size_t column = 0; column < n_narrow_; ++column) {
    std::uint8_t* const begin = narrow_columns_.data() + column * column_stride_;
    std::fill(begin + n_rows_, begin + column_stride_, std::uint8_t{0});
  }
  for (std::size_t column = 0; column < n_wide_; ++column) {
    std::uint16_t* const begin = wide_columns_.data() + column * column_stride_;
    std::fill(begin + n_rows_, begin + column_stride_, std::uint16_t{0});
  }
}

BinnedMatrix::BinnedMatrix(const BinMapper& mapper, std::size_t n_rows, BinnedCodes codes, int threads)
    : BinnedMatrix(mapper, n_rows) {
  codes_ = codes;
  check_padding();
  std::vector<std::atomic<bool>> missing(n_slots());
  std::atomic<bool> wrong = false;
  const std::size_t n_narrow_slots = n_narrow_words_ * kWordSlots;
  const auto look_at = [&](std::size_t slot, const auto* column, const auto* rows, std::size_t stride, std::size_t n) {
    const std::int32_t n_codes = mapper.n_codes(static_cast<std::size_t>(feature_of(slot)));
    bool bad = false, any = false;
    for (std::size_t i = 0; i < n; ++i) {
      bad |= column[i] >= n_codes || column[i] != rows[i * stride];
      any |= column[i] == 0;
    }
    if (bad) wrong.store(true, std::memory_order_relaxed);
    if (any) missing[slot].store(true, std::memory_order_relaxed);
  };
  parallel_ranges(n_rows_, kBlockRows, threads, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t slot = 0; slot < n_slots(); ++slot) {
      if (feature_of(slot) == kNoFeature) continue;
      if (slot < n_narrow_slots) {
        look_at(slot, codes_.narrow_columns + slot * column_stride_ + begin,
                codes_.narrow_rows + begin * narrow_stride_ + slot, narrow_stride_, end - begin);
      } else {
        const std::size_t wide = slot - n_narrow_slots;
        look_at(slot, codes_.wide_columns + wide * column_stride_ + begin,
                codes_.wide_rows + begin * wide_stride_ + wide, wide_stride_, end - begin);
      }
    }
  });
  if (wrong) throw InputError("the dataset's codes are not all those of its bins, or its two orders differ.");
  keep_missing(missing);
}

BinnedMatrix::BinnedMatrix(const BinnedMatrix& whole, const BinMapper& mapper, const std::vector<RowIndex>& rows,
                           int threads)
    : BinnedMatrix(mapper, rows.size()) {
  allocate();
  std::vector<std::atomic<bool>> missing(n_slots());
  const auto take = [&](std::size_t slot, const auto* from, auto* to, std::size_t begin, std::size_t end) {
    bool any = false;
    for (std::size_t i = begin; i < end; ++i) {
      to[i] = from[rows[i]];
      any |= to[i] == 0;
    }
    if (any) missing[slot].store(true, std::memory_order_relaxed);
  };
  const std::size_t n_narrow_slots = n_narrow_words_ * kWordSlots;
  parallel_ranges(n_rows_, kBlockRows, threads, [&](std::size_t begin, std::size_t end, int) {
    const profile::Scope scope(Phase::ingest, (end - begin) * n_slots());
    for (std::size_t i = begin; i < end; ++i) {
      std::copy_n(whole.codes_.narrow_rows + rows[i] * narrow_stride_, narrow_stride_,
                  narrow_rows_.data() + i * narrow_stride_);
      std::copy_n(whole.codes_.wide_rows + rows[i] * wide_stride_, wide_stride_, wide_rows_.data() + i * wide_stride_);
    }
    for (std::size_t slot = 0; slot < n_slots(); ++slot) {
      if (feature_of(slot) == kNoFeature) continue;
      if (slot < n_narrow_slots) {
        take(slot, whole.codes_.narrow_columns + slot * whole.column_stride_,
             narrow_columns_.data() + slot * column_stride_, begin, end);
      } else {
        const std::size_t wide = slot - n_narrow_slots;
        take(slot, whole.codes_.wide_columns + wide * whole.column_stride_,
             wide_columns_.data() + wide * column_stride_, begin, end);
      }
    }
  });
  keep_missing(missing);
}

void BinnedMatrix::reorder(const RowIndex* places, std::uint64_t* room, int threads) {
  constexpr std::size_t kPart = std::size_t{1} << 15;
  const profile::Scope scope(Phase::bin, 0);
  // A Unit of each row, `stride` bytes apart.
  const auto move = [&]<class Unit>(Unit /*of*/, void* first, std::size_t stride) {
    auto* const bytes = static_cast<std::byte*>(first);
    auto* const moved = reinterpret_cast<Unit*>(room);
    parallel_ranges(n_rows_, kPart, threads, [&](std::size_t begin, std::size_t end, int) {
      for (std::size_t row = begin; row < end; ++row)
        std::memcpy(moved + places[row], bytes + row * stride, sizeof(Unit));
    });
    parallel_ranges(n_rows_, kPart, threads, [&](std::size_t begin, std::size_t end, int) {
      for (std::size_t row = begin; row < end; ++row) std::memcpy(bytes + row * stride, moved + row, sizeof(Unit));
    });
  };
  const auto move_rows = [&](void* rows, std::size_t stride) {
    auto* const bytes = static_cast<std::byte*>(rows);
    std::size_t at = 0;
    for (; at + 8 <= stride; at += 8) move(std::uint64_t{}, bytes + at, stride);
    for (; at + 4 <= stride; at += 4) move(std::uint32_t{}, bytes + at, stride);
    for (; at < stride; at += 2) move(std::uint16_t{}, bytes + at, stride);
  };
  move_rows(narrow_rows_.data(), narrow_stride_);
  move_rows(wide_rows_.data(), wide_stride_ * sizeof(std::uint16_t));
  if (orders_ == CodeOrders::rows) return;
  parallel_ranges(n_rows_, kBlockRows, threads, [&](std::size_t begin, std::size_t end, int) {
    const auto gather = [&](const auto* rows, std::size_t stride, auto* columns, std::size_t n_columns) {
      for (std::size_t c = 0; c < n_columns; ++c) {
        for (std::size_t row = begin; row < end; ++row) columns[c * column_stride_ + row] = rows[row * stride + c];
      }
    };
    gather(narrow_rows_.data(), narrow_stride_, narrow_columns_.data(), n_narrow_);
    gather(wide_rows_.data(), wide_stride_, wide_columns_.data(), n_wide_);
  });
}

void BinnedMatrix::keep_missing(const std::vector<std::atomic<bool>>& missing) {
  for (std::size_t slot = 0; slot < n_slots(); ++slot) {
    missing_.push_back(missing[slot]);
    if (missing[slot]) layout_.words[slot / kWordSlots].has_missing = true;
  }
}

// Codes that no row and feature has.
void BinnedMatrix::check_padding() const {
  bool wrong = false;
  const auto look_at = [&](const auto* begin, const auto* end) {
    wrong = wrong || std::any_of(begin, end, [](auto code) { return code != 0; });
  };
  const BinnedSizes sizes = this->sizes();
  for (std::size_t row = 0; row < n_rows_ && narrow_stride_ > n_narrow_; ++row) {
    const std::uint8_t* const begin = codes_.narrow_rows + row * narrow_stride_;
    look_at(begin + n_narrow_, begin + narrow_stride_);
  }
  look_at(codes_.narrow_rows + n_rows_ * narrow_stride_, codes_.narrow_rows + sizes.narrow_rows);
  look_at(codes_.wide_rows + n_rows_ * wide_stride_, codes_.wide_rows + sizes.wide_rows);
  for (std::size_t at = 0; at < sizes.narrow_columns; at += column_stride_) {
    look_at(codes_.narrow_columns + at + n_rows_, codes_.narrow_columns + at + column_stride_);
  }
  for (std::size_t at = 0; at < sizes.wide_columns; at += column_stride_) {
    look_at(codes_.wide_columns + at + n_rows_, codes_.wide_columns + at + column_stride_);
  }
  if (wrong) throw InputError("the dataset has codes where no row or feature is.");
}

std::size_t BinnedMatrix::bytes() const {
  if (is_sparse_) return sparse_.bytes();
  const BinnedSizes own = sizes();
  return own.narrow_rows + own.narrow_columns + 2 * (own.wide_rows + own.wide_columns);
}

std::size_t BinnedMatrix::codes_a_row() const {
  return is_sparse_ ? sparse_.n_kept() / std::max<std::size_t>(1, n_rows_) + 1 : n_slots();
}

kernel::AccumulateTask BinnedMatrix::accumulate_task(std::size_t first_word, std::size_t last_word) const {
  kernel::AccumulateTask task;
  if (first_word < n_narrow_words_) {
    task.codes = codes_.narrow_rows + first_word * kWordSlots;
    task.row_stride = narrow_stride_;
  } else {
    task.codes = codes_.wide_rows + (first_word - n_narrow_words_) * kWordSlots;
    task.row_stride = wide_stride_;
  }
  task.words = layout_.words.data() + first_word;
  task.n_words = last_word - first_word;
  return task;
}

}  // namespace curvature
