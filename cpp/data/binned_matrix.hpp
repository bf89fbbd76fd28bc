// The quantized matrix: every cell a code of one byte (two where a column has more than 256 codes), kept twice.
// Row-major for accumulating histograms, one cache line or two a row; column-major for partitioning, one byte a row,
// which very large matrices may go without. Of a sparse table only the cells that differ from what is usual in their
// column, likewise twice.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "data/bin_mapper.hpp"
#include "data/sparse_codes.hpp"
#include "data/table.hpp"
#include "kernel/histogram.hpp"
#include "kernel/partition.hpp"

namespace curvature {

/// Whether the codes of a dense matrix are kept column by column too.
enum class CodeOrders { rows_and_columns, rows };

/// The codes of a dense matrix as they lie in memory, each kept twice unless it has rows alone; what they mean is said
/// by their mapper.
struct BinnedCodes {
  const std::uint8_t* narrow_rows = nullptr;
  const std::uint8_t* narrow_columns = nullptr;
  const std::uint16_t* wide_rows = nullptr;
  const std::uint16_t* wide_columns = nullptr;
};

/// Numbers of codes in each array of `BinnedCodes`, with what is between rows and columns and behind the last.
struct BinnedSizes {
  std::size_t narrow_rows = 0;
  std::size_t narrow_columns = 0;
  std::size_t wide_rows = 0;
  std::size_t wide_columns = 0;
};

/// Built once a fit (or once for many), then only read. A *slot* is a column's place in the matrix: narrow columns
/// first, by falling number of codes, so that the slots of a word need about as many lines; unused slots at a word's
/// end have no feature. Sparse columns that no cut divides have no slot.
class BinnedMatrix {
 public:
  static constexpr std::int32_t kNoFeature = -1;

  /// `weights` may be null (all 1); values missing only in rows of weight 0 are not counted as missing.
  BinnedMatrix(const Table& table, const BinMapper& mapper, const double* weights, CodeOrders orders, int threads);
  /// Codes that lie elsewhere and outlive this, in arrays of `sizes`. Throws InputError unless every code is one of its
  /// feature's, both orders agree, and all that is no code is 0: nothing read from a file is taken on trust.
  BinnedMatrix(const BinMapper& mapper, std::size_t n_rows, BinnedCodes codes, int threads);

  /// Some rows of a dense matrix, in any order, copied: fits pass over them faster than over all.
  BinnedMatrix(const BinnedMatrix& whole, const BinMapper& mapper, const std::vector<RowIndex>& rows, int threads);

  /// How many codes the arrays of so many rows have.
  [[nodiscard]] static BinnedSizes sizes(const BinMapper& mapper, std::size_t n_rows);

  [[nodiscard]] std::size_t n_rows() const { return n_rows_; }
  [[nodiscard]] std::size_t n_slots() const { return slot_features_.size(); }
  [[nodiscard]] std::int32_t feature_of(std::size_t slot) const { return slot_features_[slot]; }
  /// Whether a row of positive weight has the slot's value missing.
  [[nodiscard]] bool has_missing(std::size_t slot) const { return missing_[slot]; }
  [[nodiscard]] const HistogramLayout& layout() const { return layout_; }
  [[nodiscard]] std::size_t n_narrow_words() const { return n_narrow_words_; }
  [[nodiscard]] std::size_t bytes() const;
  [[nodiscard]] bool is_sparse() const { return is_sparse_; }
  [[nodiscard]] const SparseCodes& sparse() const { return sparse_; }
  /// Codes that are kept of a row, on average.
  [[nodiscard]] std::size_t codes_a_row() const;
  /// Of a dense matrix.
  [[nodiscard]] const BinnedCodes& codes() const { return codes_; }
  [[nodiscard]] BinnedSizes sizes() const;

  /// Puts row i of a dense matrix that owns its codes in place places[i]. `room`: as many numbers as rows.
  void reorder(const RowIndex* places, std::uint64_t* room, int threads);

  /// Words [first, last) of the row-major codes, for kernel::accumulate; the words are of one width.
  [[nodiscard]] kernel::AccumulateTask accumulate_task(std::size_t first_word, std::size_t last_word) const;

  /// Calls visit(codes) with the slot's column of codes: a pointer to uint8_t or uint16_t of every row, a StridedColumn
  /// of them, or a SparseColumn.
  template <class Visit>
  auto visit_column(std::size_t slot, Visit&& visit) const {
    if (is_sparse_) return visit(sparse_.column(slot));
    const std::size_t n_narrow = n_narrow_words_ * kWordSlots;
    const bool narrow = slot < n_narrow;
    if (orders_ == CodeOrders::rows) {
      if (narrow) return visit(kernel::StridedColumn<std::uint8_t>{codes_.narrow_rows + slot, narrow_stride_});
      return visit(kernel::StridedColumn<std::uint16_t>{codes_.wide_rows + (slot - n_narrow), wide_stride_});
    }
    if (narrow) return visit(codes_.narrow_columns + slot * column_stride_);
    return visit(codes_.wide_columns + (slot - n_narrow) * column_stride_);
  }

 private:
  /// Without codes.
  BinnedMatrix(const BinMapper& mapper, std::size_t n_rows) : n_rows_(n_rows) { place_slots(mapper); }
  void fill_dense(const Table& table, const BinMapper& mapper, const double* weights, int threads);
  /// Columns of codes from some row on, `stride` codes apart.
  struct BlockColumns {
    std::uint8_t* narrow = nullptr;
    std::uint16_t* wide = nullptr;
    std::size_t stride = 0;
  };
  void strew(std::size_t begin, std::size_t end, const BlockColumns& block);
  void place_slots(const BinMapper& mapper);
  void allocate();
  void check_padding() const;
  void keep_missing(const std::vector<std::atomic<bool>>& missing);

  CodeOrders orders_ = CodeOrders::rows_and_columns;
  std::size_t n_rows_ = 0;
  std::size_t column_stride_ = 0;  // codes between two columns
  std::size_t n_narrow_words_ = 0;
  std::size_t n_narrow_ = 0;  // features in narrow slots
  std::size_t n_wide_ = 0;
  std::size_t narrow_stride_ = 0;  // codes a row
  std::size_t wide_stride_ = 0;
  std::vector<std::int32_t> slot_features_;
  std::vector<bool> missing_;
  HistogramLayout layout_;
  BinnedCodes codes_;
  AlignedBuffer<std::uint8_t> narrow_rows_, narrow_columns_;
  AlignedBuffer<std::uint16_t> wide_rows_, wide_columns_;
  bool is_sparse_ = false;
  SparseCodes sparse_;
};

}  // namespace curvature
