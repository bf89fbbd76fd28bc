#include "data/expansion.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>

#include "base/errors.hpp"
#include "base/threads.hpp"

namespace curvature {
namespace {

constexpr std::size_t kBlock = 512;   // rows that are read at once
constexpr std::size_t kRange = 8192;  // rows a task
constexpr std::size_t kSparse = 12;   // bytes an entry of compressed rows, with values in double
constexpr std::size_t kDense = 8;     // and of an array
constexpr std::int64_t kMostColumns = (std::int64_t{1} << 31) - 1;

// Rows [begin, begin + n) of one feature; n is at most kBlock.
struct Cells {
  const Column& column;
  const FeaturePlan& plan;
  const double* weights;
  std::size_t first_column;
  std::size_t begin;
  std::size_t n;

  [[nodiscard]] bool counts(std::size_t i) const { return weights == nullptr || weights[begin + i] > 0; }
};

// Calls entry(i, column, value) for what is not 0, and refuse(i, is_infinite) for what has no place.
template <class T, class Entry, class Refuse>
void visit_numbers(const Cells& cells, const T* values, Entry&& entry, Refuse&& refuse) {
  const FeaturePlan& plan = cells.plan;
  for (std::size_t i = 0; i < cells.n; ++i) {
    const T value = values[i];
    if (value == 0 || !cells.counts(i)) continue;
    if (std::isfinite(value)) {
      entry(i, cells.first_column, value);
    } else if (!std::isnan(value) || std::isnan(plan.fill)) {
      refuse(i, !std::isnan(value));
    } else {
      if (plan.fill != 0) entry(i, cells.first_column, static_cast<T>(plan.fill));
      if (plan.marks_missing) entry(i, cells.first_column + 1, T(1));
    }
  }
}

template <class T, class Entry, class Refuse>
void visit_levels(const Cells& cells, const T* codes, Entry&& entry, Refuse&& refuse) {
  const FeaturePlan& plan = cells.plan;
  const auto first = static_cast<T>(plan.first_code);
  const auto end = static_cast<T>(plan.n_codes);
  for (std::size_t i = 0; i < cells.n; ++i) {
    const T code = codes[i];
    if (!cells.counts(i)) continue;
    if (code >= first && code < end) {
      entry(i, cells.first_column + static_cast<std::size_t>(code - first), T(1));
    } else if (std::isnan(code)) {
      if (std::isnan(plan.fill)) {
        refuse(i, false);
      } else if (plan.marks_missing) {
        entry(i, cells.first_column + plan.n_columns() - 1, T(1));
      }
    }
  }
}

template <class T, class Entry, class Refuse>
void visit(const Cells& cells, Entry&& entry, Refuse&& refuse) {
  std::array<T, kBlock> values;
  read_values(cells.column, cells.begin, cells.n, values.data());
  if (cells.plan.n_codes > 0) {
    visit_levels(cells, values.data(), entry, refuse);
  } else {
    visit_numbers(cells, values.data(), entry, refuse);
  }
}

// The first refused cell, row by row.
class FirstRefusal {
 public:
  void add(std::size_t row, std::size_t feature, bool is_infinite) {
    if (!found_ || row < found_->row) found_ = RefusedCell{row, feature, is_infinite};  // features come in order
  }
  [[nodiscard]] const std::optional<RefusedCell>& found() const { return found_; }

 private:
  std::optional<RefusedCell> found_;
};

std::optional<RefusedCell> first_of(const std::vector<FirstRefusal>& ranges) {
  for (const FirstRefusal& range : ranges) {
    if (range.found()) return range.found();
  }
  return std::nullopt;
}

// Calls act(task, begin, n) for blocks of rows, those of a task in order.
template <class Act>
void for_each_block(std::size_t n_rows, int threads, Act&& act) {
  parallel_ranges(n_rows, kRange, threads, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t at = begin; at < end; at += kBlock) act(begin / kRange, at, std::min(kBlock, end - at));
  });
}

std::vector<FirstRefusal> refusals_of(const Table& table) {
  return std::vector<FirstRefusal>((table.n_rows + kRange - 1) / kRange);
}

}  // namespace

std::size_t FeaturePlan::n_columns() const {
  const std::int32_t levels = n_codes > 0 ? std::max(0, n_codes - first_code) : 1;
  return static_cast<std::size_t>(levels) + (marks_missing ? 1 : 0);
}

std::size_t FeaturePlan::n_entries() const { return n_columns() == 0 ? 0 : 1; }

Expansion::Expansion(std::vector<FeaturePlan> features) : features_(std::move(features)), first_{0} {
  for (std::size_t j = 0; j < features_.size(); ++j) {
    const FeaturePlan& plan = features_[j];
    if (plan.n_codes < 0 || plan.first_code < 1 || plan.first_code > 2 || std::isinf(plan.fill)) {
      throw InputError(sentence("the plan of feature ", j, " has ", plan.n_codes, " codes, the first column of code ",
                                plan.first_code, ", and ", plan.fill, " for missing values."));
    }
    first_.push_back(first_.back() + plan.n_columns());
  }
  if (static_cast<std::int64_t>(n_columns()) > kMostColumns) {
    throw InputError(
        sentence("X has ", n_columns(), " columns with its levels; at most ", kMostColumns, " are allowed."));
  }
}

bool Expansion::is_sparse() const {
  std::size_t entries = 0;
  for (const FeaturePlan& plan : features_) entries += plan.n_entries();
  return kSparse * entries < kDense * n_columns();
}

bool Expansion::fits_float(const Table& table) const {
  constexpr std::int32_t kWholeFloats = 1 << 24;  // up to which every code is a float
  return std::all_of(table.columns.begin(), table.columns.end(), [](const Column& column) {
    return column.is_category() ? column.n_codes <= kWholeFloats : column.type == ValueType::f32 && column.fits_float();
  });
}

void Expansion::check(const Table& table) const {
  if (table.columns.size() != features_.size()) {
    throw InputError(
        sentence("X has ", table.columns.size(), " features, but the model was trained with ", features_.size(), "."));
  }
  for (std::size_t j = 0; j < features_.size(); ++j) {
    const std::int32_t more = table.columns[j].n_codes - features_[j].n_codes;
    if (more < 0 || more > (features_[j].n_codes > 0 ? 1 : 0)) {
      throw InputError(sentence("X has ", table.columns[j].n_codes, " codes in feature ", j, ", where the model has ",
                                features_[j].n_codes, "."));
    }
  }
}

std::optional<RefusedCell> Expansion::count(const Table& table, const double* weights, int threads,
                                            std::int64_t* begin) const {
  check(table);
  std::vector<FirstRefusal> refusals = refusals_of(table);
  const auto count_as = [&]<class T>(T) {
    for_each_block(table.n_rows, threads, [&](std::size_t task, std::size_t first, std::size_t n) {
      std::fill_n(begin + first + 1, n, 0);
      for (std::size_t j = 0; j < features_.size(); ++j) {
        visit<T>(
            {table.columns[j], features_[j], weights, first_[j], first, n},
            [&](std::size_t i, std::size_t, T) { ++begin[first + i + 1]; },
            [&](std::size_t i, bool is_infinite) { refusals[task].add(first + i, j, is_infinite); });
      }
    });
  };
  fits_float(table) ? count_as(float{}) : count_as(double{});
  begin[0] = 0;
  for (std::size_t i = 0; i < table.n_rows; ++i) begin[i + 1] += begin[i];
  return first_of(refusals);
}

template <class T>
void Expansion::fill(const Table& table, const double* weights, int threads, const std::int64_t* begin,
                     std::int32_t* columns, T* values) const {
  for_each_block(table.n_rows, threads, [&](std::size_t, std::size_t first, std::size_t n) {
    std::array<std::int64_t, kBlock> next;
    std::copy_n(begin + first, n, next.begin());
    for (std::size_t j = 0; j < features_.size(); ++j) {
      visit<T>(
          {table.columns[j], features_[j], weights, first_[j], first, n},
          [&](std::size_t i, std::size_t column, T value) {
            const std::int64_t at = next[i]++;
            columns[at] = static_cast<std::int32_t>(column);
            values[at] = value;
          },
          [](std::size_t, bool) {});
    }
  });
}

template <class T>
std::optional<RefusedCell> Expansion::fill(const Table& table, const double* weights, int threads, T* numbers) const {
  check(table);
  std::vector<FirstRefusal> refusals = refusals_of(table);
  const std::size_t p = n_columns();
  for_each_block(table.n_rows, threads, [&](std::size_t task, std::size_t first, std::size_t n) {
    T* rows = numbers + first * p;
    std::fill_n(rows, n * p, T(0));
    for (std::size_t j = 0; j < features_.size(); ++j) {
      visit<T>(
          {table.columns[j], features_[j], weights, first_[j], first, n},
          [&](std::size_t i, std::size_t column, T value) { rows[i * p + column] = value; },
          [&](std::size_t i, bool is_infinite) { refusals[task].add(first + i, j, is_infinite); });
    }
  });
  return first_of(refusals);
}

template void Expansion::fill(const Table&, const double*, int, const std::int64_t*, std::int32_t*, float*) const;
template void Expansion::fill(const Table&, const double*, int, const std::int64_t*, std::int32_t*, double*) const;
template std::optional<RefusedCell> Expansion::fill(const Table&, const double*, int, float*) const;
template std::optional<RefusedCell> Expansion::fill(const Table&, const double*, int, double*) const;

std::vector<FeatureSummary> summaries(const Table& table, const double* weights, int threads) {
  std::vector<FeatureSummary> found(table.columns.size());
  parallel_for(found.size(), threads, [&](std::size_t j, int) {
    std::array<double, kBlock> values;
    double sum = 0;
    double total = 0;
    for (std::size_t begin = 0; begin < table.n_rows; begin += kBlock) {
      const std::size_t n = std::min(kBlock, table.n_rows - begin);
      read_values(table.columns[j], begin, n, values.data());
      for (std::size_t i = 0; i < n; ++i) {
        const double weight = weights == nullptr ? 1.0 : weights[begin + i];
        if (!(weight > 0)) continue;
        if (std::isnan(values[i])) {
          found[j].has_missing = true;
        } else {
          sum += weight * values[i];
          total += weight;
        }
      }
    }
    if (!table.columns[j].is_category() && total > 0) found[j].mean = sum / total;
  });
  return found;
}

}  // namespace curvature
