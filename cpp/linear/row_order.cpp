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
  const auto in_group = static_cast<std::size_t>(std::clamp(kGroupNumbers / entries, 1.0, 64.0));
  ahead_ = in_group;
  if (static_cast<double>(rows_.size()) * entries <= kCacheNumbers || in_group == 1) return;
  group_ = in_group;
  ahead_ = in_group * kWindowGroups;
  groups_.resize((rows_.size() + group_ - 1) / group_);
}

void RowOrder::shuffle(std::uint64_t key) {
  if (groups_.empty()) {
    order_ = rows_;
    return curvature::shuffle(order_.data(), order_.size(), key);
  }
  std::iota(groups_.begin(), groups_.end(), RowIndex{0});
  curvature::shuffle(groups_.data(), groups_.size(), key);
  fetched_.clear();
  for (const RowIndex group : groups_) {
    const std::size_t begin = group * group_;
    const std::size_t end = std::min(begin + group_, rows_.size());
    for (std::size_t i = begin; i < end; ++i) fetched_.push_back(rows_[i]);
  }
  order_ = fetched_;
  const std::size_t window = group_ * kWindowGroups;
  for (std::size_t begin = 0; begin < order_.size(); begin += window) {
    curvature::shuffle(order_.data() + begin, std::min(window, order_.size() - begin), child_key(key, begin));
  }
}

kernel::RowList RowOrder::list(std::size_t first, std::size_t n) const {
  const std::vector<RowIndex>& fetched = fetched_.empty() ? order_ : fetched_;
  const std::size_t next = std::min(first + ahead_, fetched.size());
  return {order_.data() + first, n, fetched.data() + next, fetched.size() - next};
}

}  // namespace curvature
