// Tables as linear models multiply them: numbers as they are, a column for each level of a category.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "data/table.hpp"

namespace curvature {

/// What a feature of a table becomes: a column of numbers or one for each level, and behind them one for missing
/// values.
struct FeaturePlan {
  std::int32_t n_codes = 0;     // of a category, as of its Column; 0: a number
  std::int32_t first_code = 1;  // of a category, that has a column: 2 where the first level is the reference
  bool marks_missing = false;   // the last column is 1 where the value is missing
  // In place of a missing number. A missing category is 0 in the columns of all levels. NaN: no value may be missing.
  double fill = std::numeric_limits<double>::quiet_NaN();

  [[nodiscard]] std::size_t n_columns() const;
  /// Columns that a row may have other than 0.
  [[nodiscard]] std::size_t n_entries() const;
};

/// A value that the plan has no place for: missing, or infinite.
struct RefusedCell {
  std::size_t row = 0;
  std::size_t feature = 0;
  bool is_infinite = false;
};

/// The columns of a design, feature after feature. A table may have one code more than the plan, that of levels which
/// training did not see: they are 0 in all columns of their category.
///
/// Rows of weight 0 (`weights`: null where all are 1) are all 0, whatever stands in the table. Rows are read in fixed
/// ranges, in parallel.
class Expansion {
 public:
  /// Throws InputError unless first codes are 1 or 2 and fills NaN or finite.
  explicit Expansion(std::vector<FeaturePlan> features);

  [[nodiscard]] const std::vector<FeaturePlan>& features() const { return features_; }
  [[nodiscard]] std::size_t n_columns() const { return first_.back(); }
  /// Whether compressed rows take less memory than an array, going by the plan alone.
  [[nodiscard]] bool is_sparse() const;
  /// Whether float holds all numbers: those of the table are float, or there are none.
  [[nodiscard]] bool fits_float(const Table& table) const;

  /// Throws InputError unless the table has these features.
  void check(const Table& table) const;
  /// Where each row's entries begin, n_rows + 1 numbers; or the first cell, row by row, that is refused.
  std::optional<RefusedCell> count(const Table& table, const double* weights, int threads, std::int64_t* begin) const;
  /// Columns, in order, and values of each row's entries, from where `count` has them begin.
  template <class T>
  void fill(const Table& table, const double* weights, int threads, const std::int64_t* begin, std::int32_t* columns,
            T* values) const;
  /// All numbers, row after row; or the first cell that is refused.
  template <class T>
  std::optional<RefusedCell> fill(const Table& table, const double* weights, int threads, T* numbers) const;

 private:
  std::vector<FeaturePlan> features_;
  std::vector<std::size_t> first_;  // column of each feature, and behind the last
};

/// What rows of weight above 0 have in a feature.
struct FeatureSummary {
  bool has_missing = false;
  double mean = std::numeric_limits<double>::quiet_NaN();  // weighted, of the numbers that are there
};

/// A summary a feature; sums are over rows in order.
[[nodiscard]] std::vector<FeatureSummary> summaries(const Table& table, const double* weights, int threads);

}  // namespace curvature
