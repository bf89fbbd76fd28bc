#include "data/bin_mapper.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/random.hpp"
#include "base/threads.hpp"
#include "kernel/radix_sort.hpp"

namespace curvature {
namespace {

// The rows that cuts are made from, in increasing order: all of positive weight, or one at random from each of
// kSampleRows equal stretches of them. Fixed, so that cuts do not depend on a seed.
std::vector<std::size_t> cut_rows(std::size_t n_rows, const double* weights) {
  std::vector<std::size_t> rows;
  rows.reserve(std::min(n_rows, BinMapper::kSampleRows));
  std::size_t n_positive = n_rows;
  if (weights) n_positive = static_cast<std::size_t>(std::count_if(weights, weights + n_rows, [](double w) { return w > 0; }));
  const std::size_t n_sample = std::min(n_positive, BinMapper::kSampleRows);
  const double stretch = static_cast<double>(n_positive) / static_cast<double>(n_sample);
  std::size_t rank = 0;  // among rows of positive weight
  std::size_t wanted = 0;
  const auto next_rank = [&](std::size_t k) {
    if (n_sample == n_positive) return k;
    const double place = static_cast<double>(mix(k) >> 11) * 0x1p-53;
    return std::min(static_cast<std::size_t>((static_cast<double>(k) + place) * stretch), n_positive - 1);
  };
  if (n_sample > 0) wanted = next_rank(0);
  for (std::size_t row = 0; row < n_rows && rows.size() < n_sample; ++row) {
    if (weights && !(weights[row] > 0)) continue;
    if (rank++ != wanted) continue;
    rows.push_back(row);
    wanted = next_rank(rows.size());
  }
  return rows;
}

template <class Value>
struct Sampled {
  Value value;
  double weight;
};

// Neighbours of equal value become one; -0.0 and +0.0 are equal.
template <class Item, class ValueOf, class WeightOf>
std::vector<WeightedValue> merge_equal(const std::vector<Item>& sorted, ValueOf value, WeightOf weight) {
  std::vector<WeightedValue> distinct;
  for (const Item& item : sorted) {
    const auto v = static_cast<double>(value(item));
    if (distinct.empty() || distinct.back().value != v) distinct.push_back({v, 0});
    distinct.back().weight += weight(item);
  }
  return distinct;
}

template <class Value>
std::vector<WeightedValue> distinct_values(const Column& column, const std::vector<std::size_t>& rows,
                                           const double* weights) {
  const auto read = [&](std::size_t row) {
    Value value;
    read_values(column, row, 1, &value);
    return value;
  };
  if (!weights) {
    std::vector<Value> values, scratch;
    values.reserve(rows.size());
    for (const std::size_t row : rows) {
      if (const Value value = read(row); value == value) values.push_back(value);
    }
    kernel::radix_sort(values, scratch, [](Value v) { return v; });
    return merge_equal(values, [](Value v) { return v; }, [](Value) { return 1.0; });
  }
  std::vector<Sampled<Value>> values, scratch;
  values.reserve(rows.size());
  for (const std::size_t row : rows) {
    if (const Value value = read(row); value == value) values.push_back({value, weights[row]});
  }
  kernel::radix_sort(values, scratch, [](const Sampled<Value>& s) { return s.value; });
  return merge_equal(
      values, [](const Sampled<Value>& s) { return s.value; }, [](const Sampled<Value>& s) { return s.weight; });
}

}  // namespace

bool cut_between(double a, double b, double& cut) {
  constexpr double kLargest = std::numeric_limits<double>::max();
  const double low = std::max(a, -kLargest);
  const double high = std::min(b, kLargest);
  if (std::isinf(a) || std::isinf(b)) {
    cut = std::isinf(a) ? (std::isinf(b) ? 0.0 : -kLargest) : kLargest;
  } else {
    cut = low / 2 + high / 2;             // halves first: no overflow
    if (!(cut >= a && cut < b)) cut = a;  // neighbours, or halves of subnormals
  }
  return cut >= a && cut < b;
}

std::vector<double> quantile_cuts(const std::vector<WeightedValue>& distinct, std::int32_t max_bins) {
  std::vector<double> cuts;
  const auto add_cut = [&](std::size_t i) {
    double cut;
    if (cut_between(distinct[i].value, distinct[i + 1].value, cut)) cuts.push_back(cut);
  };
  const std::size_t n = distinct.size();
  const auto n_bins = static_cast<std::size_t>(max_bins);
  if (n <= n_bins) {
    for (std::size_t i = 0; i + 1 < n; ++i) add_cut(i);
    return cuts;
  }
  double total = 0;
  for (const WeightedValue& v : distinct) total += v.weight;
  const double mean = total / max_bins;
  double light_weight = 0;
  std::size_t light_bins = n_bins;
  for (const WeightedValue& v : distinct) {
    if (v.weight >= mean) {
      --light_bins;
    } else {
      light_weight += v.weight;
    }
  }
  double joined = 0;
  for (std::size_t i = 0; i + 1 < n && cuts.size() + 1 < n_bins; ++i) {
    const bool heavy = distinct[i].weight >= mean;
    const bool next_heavy = distinct[i + 1].weight >= mean;
    joined += distinct[i].weight;
    const double target = light_bins > 0 ? light_weight / static_cast<double>(light_bins) : total;
    // Close where stopping here is nearer to the target than taking the next value too.
    const bool full = !heavy && joined + distinct[i + 1].weight / 2 > target;
    if (!heavy && !next_heavy && !full) continue;
    add_cut(i);
    if (!heavy) {
      light_weight -= joined;
      light_bins -= light_bins > 0;
    }
    joined = 0;
  }
  return cuts;
}

BinMapper::BinMapper(const Table& table, const double* weights, std::int32_t max_bins, int threads)
    : cuts_(table.columns.size()) {
  const std::vector<std::size_t> rows = cut_rows(table.n_rows, weights);
  const int useful = rows.size() * cuts_.size() < 20'000 ? 1 : threads;
  parallel_for(cuts_.size(), useful, [&](std::size_t feature, int) {
    const Column& column = table.columns[feature];
    cuts_[feature] = quantile_cuts(column.fits_float() ? distinct_values<float>(column, rows, weights)
                                                       : distinct_values<double>(column, rows, weights),
                                   max_bins);
  });
}

}  // namespace curvature
