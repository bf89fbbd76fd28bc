// One pass over the rows for the roots of all trees of a round: their pairs and histograms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "boost/row_state.hpp"
#include "tree/grower.hpp"
#include "tree/root_histograms.hpp"

namespace curvature {

/// Made once a fit of several outputs.
class RootPass {
 public:
  /// Null where it would not pay. The lists of rows take no more than 16 bytes a row and output or half the matrix,
  /// whichever is more; pairs (8 bytes a row and output) and histograms no more than kBytes or those of eight outputs,
  /// whichever is more.
  static std::unique_ptr<RootPass> make(RowState& state, const Grower& grower, int threads);

  /// How many outputs are passed at once.
  [[nodiscard]] std::size_t n_at_once() const { return n_at_once_; }
  /// Of `n_outputs` from `first` on; keys[i] is the random stream of the tree of output first + i.
  void run(std::size_t first, std::size_t n_outputs, const std::vector<std::uint64_t>& keys);

  /// Of the last run, by `TreeRows::scale_for` the totals of the row state.
  [[nodiscard]] Cell* pairs(std::size_t output) { return pairs_.data() + tree(output) * state_.target().n_rows; }
  [[nodiscard]] KnownRoot known_root(std::size_t output) const {
    return {histograms_.get(), tree(output), noise_.empty() ? 0.0 : noise_[tree(output)]};
  }

 private:
  static constexpr std::size_t kBytes = std::size_t{64} << 20;

  struct Group {
    std::size_t first, n_outputs, size;  // size: with those that are not used
  };

  /// The place of an output among the histograms.
  [[nodiscard]] std::size_t tree(std::size_t output) const { return output - first_; }

  RootPass(RowState& state, std::unique_ptr<RootHistograms> histograms, bool needs_noise, int threads);
  void add_tile(const Group& group, const std::vector<std::uint64_t>& keys, std::size_t tile, int worker);
  [[nodiscard]] std::vector<Group> groups() const;

  RowState& state_;
  std::unique_ptr<RootHistograms> histograms_;
  bool needs_noise_;
  int threads_;
  std::size_t n_parts_;
  std::size_t group_size_;
  std::size_t n_at_once_;
  std::size_t first_ = 0;
  std::size_t n_outputs_ = 0;
  std::vector<double> noise_;
  AlignedBuffer<Cell> pairs_;                      // of those of the last run, output by output
  std::vector<AlignedBuffer<Cell>> side_by_side_;  // of a group and a tile, row by row; one a worker
};

}  // namespace curvature
