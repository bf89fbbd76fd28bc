#include "data/sparse_codes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/errors.hpp"
#include "base/profile.hpp"
#include "base/threads.hpp"
#include "data/sparse_rows.hpp"

namespace curvature {
namespace {

constexpr std::int32_t kNoFeature = -1;

std::uint16_t code_of(const std::vector<double>& cuts, double value) {
  if (value != value) return 0;
  return static_cast<std::uint16_t>(std::lower_bound(cuts.begin(), cuts.end(), value) - cuts.begin() + 1);
}

// Rows in a few parts of equal size, one a thread: what is found in one goes to its own place, in the order of the
// rows.
struct Parts {
  std::size_t n_rows;
  std::size_t n;

  [[nodiscard]] std::size_t begin(std::size_t part) const { return part * n_rows / n; }
};

}  // namespace

// What is found in one pass over the table, a number a feature.
struct SparseCodes::Counts {
  Parts parts;
  std::vector<std::uint16_t> default_codes;
  std::vector<std::vector<std::uint32_t>> kept;  // part by part: cells of another code than the default
  std::vector<bool> missing;                     // in a row of positive weight

  [[nodiscard]] std::size_t kept_in_all(std::size_t feature) const {
    return std::accumulate(kept.begin(), kept.end(), std::size_t{0},
                           [&](std::size_t sum, const auto& part) { return sum + part[feature]; });
  }

  Counts(const SparseRows& table, std::size_t n_rows, const BinMapper& mapper, const double* weights, int threads)
      : parts{n_rows, static_cast<std::size_t>(threads)} {
    const std::size_t n_features = mapper.n_features();
    for (std::size_t feature = 0; feature < n_features; ++feature) {
      default_codes.push_back(code_of(mapper.cuts(feature), table.absent()));
    }
    kept.resize(parts.n);
    std::vector<std::vector<std::uint32_t>> present(parts.n);  // values in rows of positive weight
    std::vector<std::vector<bool>> stored_missing(parts.n);    // likewise
    parallel_for(parts.n, threads, [&](std::size_t part, int) {
      kept[part].resize(n_features);
      present[part].resize(n_features);
      stored_missing[part].resize(n_features);
      const std::size_t first = parts.begin(part), last = parts.begin(part + 1);
      const profile::Scope scope(Phase::bin, table.row_begin(last) - table.row_begin(first));
      for_each_entry(table, first, last, [&](std::size_t row, std::size_t column, double value) {
        kept[part][column] += code_of(mapper.cuts(column), value) != default_codes[column];
        if (weights && !(weights[row] > 0)) return;
        if (value == value) {
          ++present[part][column];
        } else {
          stored_missing[part][column] = true;
        }
      });
    });
    const auto n_positive = weights ? static_cast<std::size_t>(std::count_if(weights, weights + n_rows,
                                                                             [](double weight) { return weight > 0; }))
                                    : n_rows;
    for (std::size_t feature = 0; feature < n_features; ++feature) {
      std::size_t n_present = 0;
      bool any = false;
      for (std::size_t part = 0; part < parts.n; ++part) {
        n_present += present[part][feature];
        any = any || stored_missing[part][feature];
      }
      missing.push_back(table.absent_is_missing ? n_present < n_positive : any);
    }
  }
};

SparseCodes::SparseCodes(const SparseRows& table, std::size_t n_rows, const BinMapper& mapper, const double* weights,
                         int threads) {
  constexpr std::size_t kEntriesWorthATeam = 50'000;
  const int useful = table.row_begin(n_rows) < kEntriesWorthATeam ? 1 : threads;
  const Counts counts(table, n_rows, mapper, weights, useful);
  place_slots(mapper, counts);
  fill_columns(table, n_rows, mapper, counts, useful);
  fill_rows(n_rows, useful);
}

void SparseCodes::place_slots(const BinMapper& mapper, const Counts& counts) {
  struct Place {
    std::int32_t feature;
    std::int32_t cells_class;
    std::int32_t n_codes;
  };
  std::vector<Place> order;
  for (std::size_t feature = 0; feature < mapper.n_features(); ++feature) {
    if (mapper.cuts(feature).empty() && !counts.missing[feature]) continue;
    const double eighths = 8 * std::log2(static_cast<double>(counts.kept_in_all(feature)) + 1);
    order.push_back({static_cast<std::int32_t>(feature), static_cast<std::int32_t>(eighths), mapper.n_codes(feature)});
  }
  std::stable_sort(order.begin(), order.end(), [](const Place& a, const Place& b) {
    return a.cells_class != b.cells_class ? a.cells_class > b.cells_class : a.n_codes > b.n_codes;
  });
  for (std::size_t at = 0; at < order.size(); at += kWordSlots) {
    Word word;
    for (std::size_t slot = at; slot < std::min(at + kWordSlots, order.size()); ++slot) {
      const auto feature = static_cast<std::size_t>(order[slot].feature);
      slot_features_.push_back(order[slot].feature);
      default_codes_.push_back(counts.default_codes[feature]);
      missing_.push_back(counts.missing[feature]);
      ++word.slots;
      word.lines = std::max(word.lines, order[slot].n_codes);
      word.has_missing = word.has_missing || counts.missing[feature];
    }
    layout_.append(word, false);
    slot_features_.resize(layout_.words.size() * kWordSlots, kNoFeature);
    default_codes_.resize(slot_features_.size(), 0);
    missing_.resize(slot_features_.size(), false);
  }
  constexpr std::size_t kMostCells = std::numeric_limits<std::uint32_t>::max();
  if (layout_.cells > kMostCells) {
    throw InputError(sentence("X has ", order.size(), " sparse features of ", layout_.cells, " bins together; at most ",
                              kMostCells, " are allowed: lower max_bins."));
  }
}

void SparseCodes::fill_columns(const SparseRows& table, std::size_t n_rows, const BinMapper& mapper,
                               const Counts& counts, int threads) {
  // next[part][feature]: where the next kept cell of the part goes.
  const Parts& parts = counts.parts;
  constexpr auto kNowhere = std::numeric_limits<std::size_t>::max();
  std::vector<std::vector<std::size_t>> next(parts.n, std::vector<std::size_t>(mapper.n_features(), kNowhere));
  std::size_t n_kept = 0;
  for (const std::int32_t feature : slot_features_) {
    slot_begin_.push_back(n_kept);
    if (feature == kNoFeature) continue;
    for (std::size_t part = 0; part < parts.n; ++part) {
      next[part][static_cast<std::size_t>(feature)] = n_kept;
      n_kept += counts.kept[part][static_cast<std::size_t>(feature)];
    }
  }
  slot_begin_.push_back(n_kept);
  rows_ = AlignedBuffer<RowIndex>(n_kept);
  codes_ = AlignedBuffer<std::uint16_t>(n_kept);
  row_begin_.assign(n_rows + 1, 0);
  parallel_for(parts.n, threads, [&](std::size_t part, int) {
    const std::size_t first = parts.begin(part), last = parts.begin(part + 1);
    const profile::Scope scope(Phase::bin, table.row_begin(last) - table.row_begin(first));
    for_each_entry(table, first, last, [&](std::size_t row, std::size_t column, double value) {
      std::size_t& place = next[part][column];
      if (place == kNowhere) return;
      const std::uint16_t code = code_of(mapper.cuts(column), value);
      if (code == counts.default_codes[column]) return;
      rows_[place] = static_cast<RowIndex>(row);
      codes_[place] = code;
      ++place;
      ++row_begin_[row + 1];
    });
  });
  std::partial_sum(row_begin_.begin(), row_begin_.end(), row_begin_.begin());
}

// Slot by slot, so that the cells of a row come word by word.
void SparseCodes::fill_rows(std::size_t n_rows, int threads) {
  cells_ = AlignedBuffer<std::uint32_t>(n_kept());
  const Parts parts{n_rows, static_cast<std::size_t>(threads)};
  parallel_for(parts.n, threads, [&](std::size_t part, int) {
    const std::size_t first = parts.begin(part), last = parts.begin(part + 1);
    const profile::Scope scope(Phase::bin, row_begin_[last] - row_begin_[first]);
    std::vector<std::size_t> next(row_begin_.begin() + static_cast<std::ptrdiff_t>(first),
                                  row_begin_.begin() + static_cast<std::ptrdiff_t>(last));
    for (std::size_t slot = 0; slot < slot_features_.size(); ++slot) {
      const kernel::SparseColumn own = column(slot);
      const Word& word = layout_.words[slot / kWordSlots];
      const RowIndex* end = own.rows + own.size;
      const RowIndex* from = std::lower_bound(own.rows, end, static_cast<RowIndex>(first));
      for (const RowIndex* row = from; row < end && *row < last; ++row) {
        const std::size_t cell = cell_index(word, static_cast<int>(slot % kWordSlots), own.codes[row - own.rows]);
        cells_[next[*row - first]++] = static_cast<std::uint32_t>(cell);
      }
    }
  });
}

std::size_t SparseCodes::bytes() const {
  return n_kept() * (sizeof(RowIndex) + sizeof(std::uint16_t) + sizeof(std::uint32_t)) +
         row_begin_.size() * sizeof(std::size_t);
}

}  // namespace curvature
