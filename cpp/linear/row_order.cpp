#include "linear/row_order.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/random.hpp"

namespace curvature {

void shuffle(RowIndex* items, std::size_t n, std::uint64_t key) {
  for (std::size_t left = n; left > 1; --left) {
    std::swap(items[left - 1], items[bounded(child_key(key, left), static_cast<std::uint32_t>(left))]);
  }
}

RowOrder::RowOrder(std::vector<RowIndex> rows, double mean_entries) : rows_(std::move(rows)), order_(rows_) {
  const double entries = std::max(mean_entries, 1.0);
  ahead_ = static_cast<std::size_t>(std::clamp(kNumbersAhead / entries, 1.0, 64.0));
  const auto in_group = static_cast<std::size_t>(std::max(kGroupNumbers / entries, 1.0));
  if (static_cast<double>(rows_.size()) * entries <= kCacheNumbers || in_group == 1) return;
  group_rows_ = in_group;
  groups_.resize((rows_.size() + group_rows_ - 1) / group_rows_);
}

void RowOrder::shuffle(std::uint64_t key) {
  if (groups_.empty()) {
    order_ = rows_;
    return curvature::shuffle(order_.data(), order_.size(), key);
  }
  std::iota(groups_.begin(), groups_.end(), RowIndex{0});
  curvature::shuffle(groups_.data(), groups_.size(), key);
  std::size_t place = 0;
  for (std::size_t first = 0; first < groups_.size(); first += kGroupsAtOnce) {
    place += take_in_turn(first, std::min(kGroupsAtOnce, groups_.size() - first), child_key(key, 0), place);
  }
}

// A row of each of n groups, another of each, and so on; each group from a row of its own on, round to the row before.
std::size_t RowOrder::take_in_turn(std::size_t first, std::size_t n, std::uint64_t key, std::size_t place) {
  struct Group {
    std::size_t begin, size, next;
  };
  Group groups[kGroupsAtOnce];
  for (std::size_t k = 0; k < n; ++k) {
    const std::size_t begin = groups_[first + k] * group_rows_;
    const std::size_t size = std::min(group_rows_, rows_.size() - begin);
    groups[k] = {begin, size, bounded(child_key(key, groups_[first + k]), static_cast<std::uint32_t>(size))};
  }
  const std::size_t start = place;
  for (std::size_t turn = 0; turn < group_rows_; ++turn) {
    for (std::size_t k = 0; k < n; ++k) {
      Group& group = groups[k];
      if (turn >= group.size) continue;  // the last of the table may be shorter
      order_[place++] = rows_[group.begin + group.next];
      if (++group.next == group.size) group.next = 0;
    }
  }
  return place - start;
}

kernel::RowList RowOrder::list(std::size_t first, std::size_t n) const {
  const std::size_t next = std::min(first + ahead_, order_.size());
  return {order_.data() + first, n, order_.data() + next, order_.size() - next};
}

}  // namespace curvature
