// The codes of a sparse table: only cells that differ from their column's default code, that of what is not stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "data/bin_mapper.hpp"
#include "data/table.hpp"
#include "kernel/histogram.hpp"
#include "kernel/partition.hpp"

namespace curvature {

/// Kept cells, twice: column by column as rows and codes, 6 bytes each, for partitioning; row by row as places in a
/// histogram, 4 bytes each, for accumulating. Slots come by falling number of kept cells, in classes of an eighth of an
/// octave, and within a class by falling number of codes: those of few cells, which a limit on the weight of a leaf
/// excludes, are the last words; the slots of a word need about as many lines.
class SparseCodes {
 public:
  SparseCodes() = default;
  SparseCodes(const SparseRows& table, std::size_t n_rows, const BinMapper& mapper, const double* weights, int threads);

  [[nodiscard]] const HistogramLayout& layout() const { return layout_; }
  [[nodiscard]] const std::vector<std::int32_t>& slot_features() const { return slot_features_; }
  [[nodiscard]] const std::vector<bool>& missing() const { return missing_; }
  [[nodiscard]] std::size_t n_kept() const { return rows_.size(); }
  [[nodiscard]] std::size_t bytes() const;

  [[nodiscard]] kernel::SparseColumn column(std::size_t slot) const {
    const std::size_t begin = slot_begin_[slot];
    return {rows_.data() + begin, codes_.data() + begin, slot_begin_[slot + 1] - begin, default_codes_[slot]};
  }
  /// Default codes of the slots, eight a word.
  [[nodiscard]] const std::uint16_t* default_codes() const { return default_codes_.data(); }

  /// Of row i, [row_begin[i], row_begin[i + 1]) of `cells`: indices into a histogram, word by word.
  [[nodiscard]] const std::vector<std::size_t>& row_begin() const { return row_begin_; }
  [[nodiscard]] const AlignedBuffer<std::uint32_t>& cells() const { return cells_; }

 private:
  struct Counts;
  void place_slots(const BinMapper& mapper, const Counts& counts);
  void fill_columns(const SparseRows& table, std::size_t n_rows, const BinMapper& mapper, const Counts& counts,
                    int threads);
  void fill_rows(std::size_t n_rows, int threads);

  HistogramLayout layout_;
  std::vector<std::int32_t> slot_features_;
  std::vector<bool> missing_;
  std::vector<std::uint16_t> default_codes_;
  std::vector<std::size_t> slot_begin_;
  AlignedBuffer<RowIndex> rows_;
  AlignedBuffer<std::uint16_t> codes_;
  std::vector<std::size_t> row_begin_;
  AlignedBuffer<std::uint32_t> cells_;
};

}  // namespace curvature
