#include "tree/row_partition.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/profile.hpp"
#include "base/random.hpp"
#include "base/threads.hpp"

namespace curvature {
namespace {

constexpr std::size_t kRowsWorthATeam = 2048;
constexpr std::size_t kRowsATask = std::size_t{1} << 18;

std::uint64_t in_steps(double weight, double steps) { return static_cast<std::uint64_t>(weight * steps + 0.5); }

}  // namespace

RowPartition::RowPartition(std::size_t n_rows, const double* weights)
    : weights_(weights), n_all_rows_(n_rows), n_rows_(n_rows) {
  if (weights) {
    double total = 0;
    for (std::size_t row = 0; row < n_rows; ++row) {
      total += weights[row];
      if (weights[row] > 0) weighted_rows_.push_back(static_cast<RowIndex>(row));
    }
    n_rows_ = weighted_rows_.size();
    if (n_rows_ == n_rows) weighted_rows_ = {};
    // The sum of all weights stays below 2^62 steps.
    steps_ = std::exp2(std::min(std::floor(62.0 - std::log2(total)), 1000.0));
  }
  for (AlignedBuffer<RowIndex>& buffer : buffers_) buffer = AlignedBuffer<RowIndex>(n_rows_);
}

RowSegment RowPartition::reset(int threads) {
  const RowSegment all{n_rows_};
  RowIndex* first = writable(all);
  if (!weighted_rows_.empty()) {
    std::copy(weighted_rows_.begin(), weighted_rows_.end(), first);
  } else {
    parallel_ranges(n_rows_, kRowsATask, threads, [&](std::size_t begin, std::size_t end, int) {
      for (std::size_t i = begin; i < end; ++i) first[i] = static_cast<RowIndex>(i);
    });
  }
  return all;
}

RowSegment RowPartition::reset_to_sample(double share, std::uint64_t key, int threads) {
  const auto n = static_cast<std::size_t>(std::max(1.0, std::round(share * static_cast<double>(n_rows_))));
  const RowSegment sample{n};
  RowIndex* const first = writable(sample);
  parallel_ranges(n, kRowsATask, threads, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t from = i * n_rows_ / n, to = (i + 1) * n_rows_ / n;
      const std::size_t row = from + bounded(child_key(key, i), static_cast<std::uint32_t>(to - from));
      first[i] = weighted_rows_.empty() ? static_cast<RowIndex>(row) : weighted_rows_[row];
    }
  });
  return sample;
}

RowPartition::Parts RowPartition::split(RowSegment segment, const BinnedMatrix& matrix, std::size_t slot,
                                        const CodeSplit& codes, int threads) {
  RowIndex* left = writable(segment);
  RowIndex* right = room(segment);
  const auto divide = [&](std::size_t begin, std::size_t size) {
    const profile::Scope scope(Phase::partition, size);
    return matrix.visit_column(
        slot, [&](const auto& column) { return kernel::partition(left + begin, size, column, codes, right + begin); });
  };
  std::size_t n_left = 0;
  if (threads <= 1 || segment.size < kRowsWorthATeam) {
    n_left = divide(0, segment.size);
  } else {
    const auto n_parts = static_cast<std::size_t>(threads);
    const std::size_t share = (segment.size + n_parts - 1) / n_parts;
    std::vector<std::size_t> left_of(n_parts);
    parallel_ranges(segment.size, share, threads, [&](std::size_t begin, std::size_t end, int) {
      left_of[begin / share] = divide(begin, end - begin);
    });
    const profile::Scope scope(Phase::partition, 0);
    for (std::size_t begin = 0; begin < segment.size; begin += share) {  // the parts of each side close up
      const std::size_t part_left = left_of[begin / share];
      const std::size_t part_right = std::min(share, segment.size - begin) - part_left;
      std::memmove(left + n_left, left + begin, part_left * sizeof(RowIndex));
      std::memmove(right + (begin - n_left), right + begin, part_right * sizeof(RowIndex));
      n_left += part_left;
    }
  }
  const std::size_t n_right = segment.size - n_left;
  return {{n_left, segment.begin, segment.room + n_right, segment.second},
          {n_right, segment.room, segment.begin + n_left, !segment.second}};
}

void RowPartition::rejoin(const Parts& parts) {
  std::memcpy(room(parts.right), rows(parts.right), parts.right.size * sizeof(RowIndex));
}

std::uint64_t RowPartition::row_weight(RowIndex row) const { return weights_ ? in_steps(weights_[row], steps_) : 1; }

std::uint64_t RowPartition::weight(const RowIndex* rows, std::size_t n_rows) const {
  if (!weights_) return n_rows;
  return std::accumulate(rows, rows + n_rows, std::uint64_t{0},
                         [&](std::uint64_t sum, RowIndex row) { return sum + row_weight(row); });
}

std::vector<std::uint64_t> RowPartition::row_weights() const {
  std::vector<std::uint64_t> steps;
  for (std::size_t row = 0; weights_ && row < n_all_rows_; ++row) {
    steps.push_back(row_weight(static_cast<RowIndex>(row)));
  }
  return steps;
}

std::vector<std::uint64_t> RowPartition::weights_by_code(RowSegment segment, std::uint64_t total,
                                                         const BinnedMatrix& matrix, std::size_t slot,
                                                         std::size_t n_codes) const {
  std::vector<std::uint64_t> sums(n_codes, 0);
  const RowIndex* at = rows(segment);
  if (matrix.is_sparse()) {
    const kernel::SparseColumn column = matrix.sparse().column(slot);
    std::uint64_t kept_weight = 0;
    const auto add = [&](std::size_t place, std::uint16_t code) {
      const std::uint64_t weight = row_weight(at[place]);
      sums[code] += weight;
      kept_weight += weight;
    };
    kernel::join(at, segment.size, column, [](std::size_t, std::size_t) {}, add);
    sums[column.default_code] += total - kept_weight;
    return sums;
  }
  matrix.visit_column(slot, [&](const auto& column) {
    kernel::for_each_code(column, at, segment.size,
                          [&](std::size_t i, std::size_t code) { sums[code] += row_weight(at[i]); });
  });
  return sums;
}

}  // namespace curvature
