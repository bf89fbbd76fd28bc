// In which order an epoch takes its rows.
#pragma once

#include <cstdint>
#include <vector>

#include "kernel/listed_rows.hpp"

namespace curvature {

/// The order belongs to a key, not to a sequence of calls. A table that fits in the cache is shuffled row by row. Of a
/// larger one, groups of neighbouring rows (kGroupNumbers numbers) are shuffled, then the rows of kWindowGroups
/// successive groups among themselves: memory is read in stretches, twice as fast as row by row.
class RowOrder {
 public:
  static constexpr double kCacheNumbers = 1 << 21;
  static constexpr double kGroupNumbers = 1 << 10;
  static constexpr std::size_t kWindowGroups = 32;

  RowOrder(std::vector<RowIndex> rows, double mean_entries);

  void shuffle(std::uint64_t key);
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] const std::vector<RowIndex>& rows() const { return rows_; }
  /// The n rows from place `first` on, and the rows to fetch meanwhile.
  [[nodiscard]] kernel::RowList list(std::size_t first, std::size_t n) const;

 private:
  std::vector<RowIndex> rows_;
  std::size_t group_ = 1;
  std::size_t ahead_;  // how many places later the rows are that are fetched
  std::vector<RowIndex> groups_;
  std::vector<RowIndex> fetched_;  // in the order that memory likes
  std::vector<RowIndex> order_;
};

/// Puts items in a random order (Fisher & Yates) that belongs to the key.
void shuffle(RowIndex* items, std::size_t n, std::uint64_t key);

}  // namespace curvature
