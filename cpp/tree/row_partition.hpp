// The rows of a tree in training, ordered so that every node is a stretch of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "data/binned_matrix.hpp"
#include "kernel/partition.hpp"

namespace curvature {

/// Rows of a node. They lie in one of two buffers; in the other, as much room is theirs.
struct RowSegment {
  std::size_t size = 0;
  std::size_t begin = 0;  // in its buffer
  std::size_t room = 0;   // begin of the room in the other
  bool second = false;    // which buffer
};

/// Lives as long as a trainer. Segments that do not overlap may be split and weighed by different threads at once.
class RowPartition {
 public:
  /// Rows of positive weight take part; `weights` may be null (all 1) and must outlive this.
  RowPartition(std::size_t n_rows, const double* weights);

  /// Back to one segment of all rows in increasing order.
  RowSegment reset(int threads);
  /// To a segment of a share of the rows, at least one, in increasing order: of as many stretches of rows one each, by
  /// `key`.
  RowSegment reset_to_sample(double share, std::uint64_t key, int threads);

  [[nodiscard]] const RowIndex* rows(RowSegment segment) const {
    return buffers_[segment.second].data() + segment.begin;
  }

  struct Parts {
    RowSegment left, right;
  };
  /// Divides a segment, both sides in their old order: the left rows stay in its buffer, the right ones move to the
  /// other, and each side takes over the room that the other one leaves.
  Parts split(RowSegment segment, const BinnedMatrix& matrix, std::size_t slot, const CodeSplit& codes, int threads);
  /// Makes the parts one segment again, the right rows behind the left ones.
  void rejoin(const Parts& parts);

  /// Total weight of a segment, in whole steps of a grid finer than any weight's rounding: exact in any order.
  [[nodiscard]] std::uint64_t weight(RowSegment segment) const { return weight(rows(segment), segment.size); }
  [[nodiscard]] std::uint64_t weight(const RowIndex* rows, std::size_t n_rows) const;
  /// Weights of a segment's rows, which weigh `total` together, code by code of a slot.
  [[nodiscard]] std::vector<std::uint64_t> weights_by_code(RowSegment segment, std::uint64_t total,
                                                           const BinnedMatrix& matrix, std::size_t slot,
                                                           std::size_t n_codes) const;
  /// Of every row, in steps; empty where all weigh 1.
  [[nodiscard]] std::vector<std::uint64_t> row_weights() const;
  /// Steps a unit of weight has.
  [[nodiscard]] double steps_per_unit() const { return steps_; }

 private:
  [[nodiscard]] RowIndex* room(RowSegment segment) { return buffers_[!segment.second].data() + segment.room; }
  [[nodiscard]] RowIndex* writable(RowSegment segment) { return buffers_[segment.second].data() + segment.begin; }
  [[nodiscard]] std::uint64_t row_weight(RowIndex row) const;

  const double* weights_;
  std::size_t n_all_rows_;  // those that weigh nothing included
  double steps_ = 1;
  std::vector<RowIndex> weighted_rows_;  // rows of positive weight, where some weigh nothing
  AlignedBuffer<RowIndex> buffers_[2];
  std::size_t n_rows_;
};

}  // namespace curvature
