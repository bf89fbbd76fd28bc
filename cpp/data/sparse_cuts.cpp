#include "data/sparse_cuts.hpp"

#include <algorithm>

#include "base/aligned_buffer.hpp"
#include "base/profile.hpp"
#include "base/threads.hpp"
#include "data/bin_mapper.hpp"
#include "data/sparse_rows.hpp"

namespace curvature {
namespace {

// A column's entries in the chosen rows.
struct Stored {
  std::size_t n = 0;  // missing ones included
  double weight = 0;
  std::size_t n_present = 0;
};

// Distinct values of a column in increasing order. Reorders `items`. `absent`: rows without an entry, and their weight.
std::vector<WeightedValue> distinct_values(WeightedValue* items, std::size_t n, std::size_t n_absent,
                                           double absent_weight) {
  std::sort(items, items + n, [](const WeightedValue& a, const WeightedValue& b) { return a.value < b.value; });
  std::vector<WeightedValue> distinct;
  for (std::size_t i = 0; i < n; ++i) {
    if (distinct.empty() || distinct.back().value != items[i].value) distinct.push_back({items[i].value, 0});
    distinct.back().weight += items[i].weight;
  }
  if (n_absent == 0) return distinct;
  const auto zero = std::lower_bound(distinct.begin(), distinct.end(), 0.0,
                                     [](const WeightedValue& a, double value) { return a.value < value; });
  if (zero != distinct.end() && zero->value == 0) {
    zero->weight += absent_weight;
  } else {
    distinct.insert(zero, {0.0, absent_weight});
  }
  return distinct;
}

}  // namespace

std::vector<std::vector<double>> sparse_cuts(const SparseRows& table, const std::vector<std::size_t>& rows,
                                             const std::vector<double>& weights, std::int32_t max_bins, int threads) {
  const auto weight = [&](std::size_t i) { return weights.empty() ? 1.0 : weights[i]; };
  double total = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) total += weight(i);
  std::vector<Stored> stored(table.n_columns);
  {
    const profile::Scope scope(Phase::ingest, 0);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for_each_entry(table, rows[i], rows[i] + 1, [&](std::size_t, std::size_t column, double value) {
        ++stored[column].n;
        stored[column].weight += weight(i);
        stored[column].n_present += value == value;
      });
    }
  }
  std::vector<std::vector<double>> cuts(table.n_columns);
  constexpr std::size_t kTogether = std::size_t{1} << 22;  // entries held at once, where columns are no longer: 64 MB
  std::vector<std::size_t> end(table.n_columns);           // of a column's values so far
  for (std::size_t first = 0, last; first < table.n_columns; first = last) {
    std::size_t n = 0;
    for (last = first; last < table.n_columns && (last == first || n + stored[last].n_present <= kTogether); ++last) {
      end[last] = n;
      n += stored[last].n_present;
    }
    AlignedBuffer<WeightedValue> items(n);
    {
      const profile::Scope scope(Phase::ingest, n);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        for_each_entry(table, rows[i], rows[i] + 1, [&](std::size_t, std::size_t column, double value) {
          if (column >= first && column < last && value == value) items[end[column]++] = {value, weight(i)};
        });
      }
    }
    constexpr std::size_t kColumns = 64;
    parallel_ranges(last - first, kColumns, threads, [&](std::size_t begin, std::size_t stop, int) {
      for (std::size_t column = first + begin; column < first + stop; ++column) {
        const Stored& own = stored[column];
        const profile::Scope scope(Phase::cuts, own.n_present);
        const std::size_t n_absent = table.absent_is_missing ? 0 : rows.size() - own.n;
        cuts[column] = quantile_cuts(
            distinct_values(items.data() + end[column] - own.n_present, own.n_present, n_absent, total - own.weight),
            max_bins);
      }
    });
  }
  return cuts;
}

}  // namespace curvature
