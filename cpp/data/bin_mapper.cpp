#include "data/bin_mapper.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <tuple>
#include <utility>

#include "base/aligned_buffer.hpp"
#include "base/profile.hpp"
#include "base/random.hpp"
#include "base/threads.hpp"
#include "data/sparse_cuts.hpp"
#include "kernel/histogram.hpp"
#include "kernel/radix_sort.hpp"

namespace curvature {
namespace {

// The rows that cuts are made from, in increasing order: all of positive weight, or one at random from each of
// kSampleRows equal stretches of them. Fixed, so that cuts do not depend on a seed.
std::vector<std::size_t> cut_rows(std::size_t n_rows, const double* weights) {
  std::vector<RowIndex> positive;  // only where some rows weigh nothing
  const bool some_weigh_nothing = weights && std::any_of(weights, weights + n_rows, [](double w) { return !(w > 0); });
  if (some_weigh_nothing) {
    for (std::size_t row = 0; row < n_rows; ++row) {
      if (weights[row] > 0) positive.push_back(static_cast<RowIndex>(row));
    }
  }
  const std::size_t n = some_weigh_nothing ? positive.size() : n_rows;
  const std::size_t m = std::min(n, BinMapper::kSampleRows);
  std::vector<std::size_t> rows(m);
  for (std::size_t k = 0; k < m; ++k) {
    const std::size_t begin = k * n / m;
    const std::size_t end = (k + 1) * n / m;
    const std::size_t rank = begin + mix(k) % (end - begin);
    rows[k] = some_weigh_nothing ? positive[rank] : rank;
  }
  return rows;
}

// Weights of the chosen rows on a grid on which no sum of them is rounded (whole numbers stay as they are), so that
// cuts do not depend on the order of additions; empty where all weigh 1.
std::vector<double> summable_weights(const std::vector<std::size_t>& rows, const double* weights) {
  std::vector<double> on_grid;
  if (!weights) return on_grid;
  double total = 0;
  for (const std::size_t row : rows) total += weights[row];
  const double grid = std::exp2(std::clamp(std::ceil(std::log2(total)) - 52, -1074.0, 971.0));
  for (const std::size_t row : rows) on_grid.push_back(std::nearbyint(weights[row] / grid) * grid);
  return on_grid;
}

// Neighbours of equal value become one; -0.0 and +0.0 are equal. `weights` may be null (all 1).
template <class Value>
std::vector<WeightedValue> merge_equal(std::span<const Value> sorted, const double* weights) {
  std::vector<WeightedValue> distinct;
  distinct.reserve(sorted.size());
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const auto value = static_cast<double>(sorted[i]);
    if (distinct.empty() || distinct.back().value != value) distinct.push_back({value, 0});
    distinct.back().weight += weights ? weights[i] : 1.0;
  }
  return distinct;
}

// Values sorted by their leading bits (a float's exponent and 13 digits of it, a double's and 21), and the rest only
// where it is looked at: a bin apart, a value has few neighbours of the same leading bits.
template <class Value>
class RoughlySorted {
 public:
  // No value is NaN or -0.0. Takes both arrays, `scratch` being as long.
  RoughlySorted(Value* values, Value* scratch, std::size_t n)
      : values_(kernel::radix_sort(values, scratch, n, identity, kFirstDigit)),
        scratch_(values_ == values ? scratch : values),
        n_(n) {}

  [[nodiscard]] std::size_t size() const { return n_; }

  // Whether so many neighbours, at least two, have the same leading bits.
  [[nodiscard]] bool has_run(std::size_t length) const {
    const std::size_t step = length / 2;  // a run holds two neighbours of every step-th value
    for (std::size_t i = 0; i + step < n_; i += step) {
      if (leading(values_[i]) != leading(values_[i + step])) continue;
      const auto [begin, end] = run_around(i);
      if (end - begin >= length) return true;
    }
    return false;
  }

  // The places [begin, end) of the values equal to the i-th in order, which is at [begin] and all others there.
  [[nodiscard]] std::pair<std::size_t, std::size_t> equal_to(std::size_t i) {
    auto [begin, end] = run_around(i);
    if (!std::is_sorted(values_ + begin, values_ + end)) std::sort(values_ + begin, values_ + end);
    while (values_[begin] != values_[i]) ++begin;
    while (values_[end - 1] != values_[i]) --end;
    return {begin, end};
  }
  [[nodiscard]] double operator[](std::size_t i) const { return static_cast<double>(values_[i]); }

  [[nodiscard]] std::span<const Value> sorted() {
    constexpr std::size_t kMany = 1024;
    for (std::size_t begin = 0, end; begin < n_; begin = end) {
      for (end = begin + 1; end < n_ && leading(values_[end]) == leading(values_[begin]);) ++end;
      if (std::is_sorted(values_ + begin, values_ + end)) continue;
      if (end - begin > kMany) return {kernel::radix_sort(values_, scratch_, n_, identity), n_};
      std::sort(values_ + begin, values_ + end);
    }
    return {values_, n_};
  }

 private:
  static constexpr int kFirstDigit = sizeof(Value) == sizeof(float) ? 1 : 3;
  static constexpr auto identity = [](Value v) { return v; };
  [[nodiscard]] std::pair<std::size_t, std::size_t> run_around(std::size_t i) const {
    const auto bits = leading(values_[i]);
    std::size_t begin = i, end = i + 1;
    while (begin > 0 && leading(values_[begin - 1]) == bits) --begin;
    while (end < n_ && leading(values_[end]) == bits) ++end;
    return {begin, end};
  }
  static auto leading(Value v) { return kernel::ordered_bits(v) >> (kFirstDigit * kernel::kDigitBits); }

  Value* values_;
  Value* scratch_;
  std::size_t n_;
};

// The cuts of `quantile_cuts` for values that all weigh 1, of which no bin's worth are equal: from the places of the
// cuts, without a look at what lies between.
template <class Value>
std::vector<double> even_cuts(RoughlySorted<Value>& values, std::size_t n_bins) {
  std::vector<double> cuts;
  const std::size_t n = values.size();
  std::size_t bin_begin = 0;
  for (std::size_t bins = n_bins; bins > 0 && cuts.size() + 1 < n_bins; --bins) {
    const double target = static_cast<double>(n - bin_begin) / static_cast<double>(bins);
    // The bin ends before the first value, but its own first, whose middle lies beyond the target.
    const auto near = static_cast<std::size_t>(static_cast<double>(bin_begin) + target);
    auto [next, end] = values.equal_to(std::min(near, n - 1));
    while (next <= bin_begin || static_cast<double>(next - bin_begin) + static_cast<double>(end - next) / 2 <= target) {
      if (end == n) return cuts;
      std::tie(next, end) = values.equal_to(end);
    }
    const double last = values[values.equal_to(next - 1).first];
    double cut;
    if (cut_between(last, values[next], cut)) cuts.push_back(cut);
    bin_begin = next;
  }
  return cuts;
}

// Cuts of the values of the rows that cuts are made from, all of the same weight; missing ones are left out.
template <class Value>
std::vector<double> cuts_of(Value* values, Value* scratch, std::size_t n_rows, std::int32_t max_bins) {
  std::size_t n = 0;
  for (std::size_t i = 0; i < n_rows; ++i) {
    const Value value = values[i] + Value{0};  // no -0.0
    values[n] = value;
    n += value == value;
  }
  const auto n_bins = static_cast<std::size_t>(max_bins);
  const std::size_t a_bin = (n + n_bins - 1) / n_bins;  // values that weigh a bin
  RoughlySorted<Value> roughly(values, scratch, n);
  if (a_bin > 1 && !roughly.has_run(a_bin)) return even_cuts(roughly, n_bins);
  return quantile_cuts(merge_equal(roughly.sorted(), nullptr), max_bins);
}

// The same of values that weigh what `weights` say.
template <class Value>
std::vector<double> weighted_cuts_of(const Value* values, const std::vector<double>& weights, std::int32_t max_bins) {
  struct Item {
    Value value;
    double weight;
  };
  std::vector<Item> items;
  items.reserve(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (values[i] == values[i]) items.push_back({values[i], weights[i]});
  }
  std::vector<Item> scratch(items.size());
  const Item* const sorted =
      kernel::radix_sort(items.data(), scratch.data(), items.size(), [](const Item& item) { return item.value; });
  std::vector<Value> sorted_values;
  std::vector<double> sorted_weights;
  for (std::size_t i = 0; i < items.size(); ++i) {
    sorted_values.push_back(sorted[i].value);
    sorted_weights.push_back(sorted[i].weight);
  }
  return quantile_cuts(merge_equal(std::span<const Value>(sorted_values), sorted_weights.data()), max_bins);
}

// Reads the chosen rows of columns block by block of rows, since the columns of a row often share its cache lines.
// values + c * rows.size() gets column c.
template <class Value>
void gather(std::span<const Column> columns, std::span<const std::size_t> rows, int threads, Value* values) {
  constexpr std::size_t kBlockRows = 128;
  parallel_ranges(rows.size(), kBlockRows, threads, [&](std::size_t begin, std::size_t end, int) {
    const profile::Scope scope(Phase::ingest, (end - begin) * columns.size());
    read_rows(columns, rows.subspan(begin, end - begin), values + begin, rows.size());
  });
}

// Cuts of columns [first, last), all of which are compared as `Value`.
template <class Value>
void cut_columns(const Table& table, std::size_t first, std::size_t last, const std::vector<std::size_t>& rows,
                 const std::vector<double>& weights, std::int32_t max_bins, int threads,
                 std::vector<std::vector<double>>& cuts) {
  AlignedBuffer<Value> values((last - first) * rows.size());
  gather(std::span(table.columns).subspan(first, last - first), std::span(rows), threads, values.data());
  std::vector<AlignedBuffer<Value>> scratch(static_cast<std::size_t>(std::max(threads, 1)));
  parallel_for(last - first, threads, [&](std::size_t c, int worker) {
    const profile::Scope scope(Phase::cuts, rows.size());
    Value* const own = values.data() + c * rows.size();
    if (weights.empty()) {
      AlignedBuffer<Value>& room = scratch[static_cast<std::size_t>(worker)];
      if (room.empty()) room = AlignedBuffer<Value>(rows.size());
      cuts[first + c] = cuts_of(own, room.data(), rows.size(), max_bins);
    } else {
      cuts[first + c] = weighted_cuts_of(own, weights, max_bins);
    }
  });
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
  double joined = 0;  // light weight since the last cut
  for (std::size_t i = 0; i + 1 < n && cuts.size() + 1 < n_bins; ++i) {
    const bool heavy = distinct[i].weight >= mean;
    if (!heavy) {
      joined += distinct[i].weight;
      // Close where stopping here is nearer to the target than going on. A heavy value to come leaves the light ones a
      // bin if they fill half of one; otherwise, or where no bin is left for light ones, they join it.
      const double target = light_bins > 0 ? light_weight / static_cast<double>(light_bins) : total;
      const bool next_heavy = distinct[i + 1].weight >= mean;
      const bool full = next_heavy ? 2 * joined >= target : joined + distinct[i + 1].weight / 2 > target;
      if (light_bins == 0 || !full) continue;
      --light_bins;
    }
    add_cut(i);
    light_weight -= joined;
    joined = 0;
  }
  return cuts;
}

BinMapper::BinMapper(const Table& table, const double* weights, std::int32_t max_bins, int threads)
    : cuts_(table.columns.size()) {
  const std::vector<std::size_t> rows = cut_rows(table.n_rows, weights);
  const std::vector<double> row_weights = summable_weights(rows, weights);
  if (table.sparse) {
    cuts_ = sparse_cuts(*table.sparse, rows, row_weights, max_bins, threads);
    category_codes_.resize(cuts_.size(), 0);
    return;
  }
  const int useful = rows.size() * cuts_.size() < 20'000 ? 1 : threads;
  constexpr std::size_t kTogether = 32;  // columns whose values are held at once: at most 51 MB
  for (const Column& column : table.columns) category_codes_.push_back(column.n_codes);
  for (std::size_t first = 0, last; first < cuts_.size(); first = last) {
    const bool fits = table.columns[first].fits_float();
    for (last = first; last < cuts_.size() && last - first < kTogether; ++last) {
      if (table.columns[last].fits_float() != fits || is_category(last) != is_category(first)) break;
    }
    if (is_category(first)) continue;
    if (fits) {
      cut_columns<float>(table, first, last, rows, row_weights, max_bins, useful, cuts_);
    } else {
      cut_columns<double>(table, first, last, rows, row_weights, max_bins, useful, cuts_);
    }
  }
}

}  // namespace curvature
