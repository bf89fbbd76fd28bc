// In which order an epoch takes its rows.
#pragma once

#include <cstdint>
#include <vector>

#include "kernel/listed_rows.hpp"

namespace curvature {

/// The order belongs to a key, not to a sequence of calls. A table that fits in the cache is shuffled row by row. Of a
/// larger one, groups of neighbouring rows (kGroupNumbers numbers) are shuffled, and kGroupsAtOnce successive groups
/// take turns, a row at a time, each from a random row on: so successive rows come from as many places of the table,
/// and the processor follows as many streams through memory, three times as fast as rows in any order.
class RowOrder {
 public:
  static constexpr double kCacheNumbers = 1 << 21;
  static constexpr double kGroupNumbers = 1 << 12;
  static constexpr std::size_t kGroupsAtOnce = 8;
  static constexpr double kNumbersAhead = 1 << 9;

  RowOrder(std::vector<RowIndex> rows, double mean_entries);

  void shuffle(std::uint64_t key);
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] const std::vector<RowIndex>& rows() const { return rows_; }
  /// The n rows from place `first` on, and the rows to fetch meanwhile.
  [[nodiscard]] kernel::RowList list(std::size_t first, std::size_t n) const;

 private:
  std::size_t take_in_turn(std::size_t first, std::size_t n, std::uint64_t key, std::size_t place);

  std::vector<RowIndex> rows_;
  std::size_t group_rows_ = 1;
  std::size_t ahead_;  // how many places later the rows are that are fetched
  std::vector<RowIndex> groups_;
  std::vector<RowIndex> order_;
};

/// Puts items in a random order (Fisher & Yates) that belongs to the key.
void shuffle(RowIndex* items, std::size_t n, std::uint64_t key);

}  // namespace curvature
