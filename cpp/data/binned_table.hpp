// A table as codes, with the bins that they stand for: what a fit of trees reads, once or many times.
#pragma once

#include "data/bin_mapper.hpp"
#include "data/binned_matrix.hpp"

namespace curvature {

/// Immutable, and safe to fit on from several threads at once.
struct BinnedTable {
  /// `cut_weights` (null: all 1) shape the cuts; whether values are missing is asked of rows of positive
  /// `row_weights` (null: of all).
  BinnedTable(const Table& table, const double* cut_weights, const double* row_weights, std::int32_t max_bins,
              CodeOrders orders, int threads)
      : mapper(table, cut_weights, max_bins, threads), matrix(table, mapper, row_weights, orders, threads) {}
  /// Codes that lie elsewhere; see BinnedMatrix.
  BinnedTable(BinMapper bins, std::size_t n_rows, BinnedCodes codes, int threads)
      : mapper(std::move(bins)), matrix(mapper, n_rows, codes, threads) {}
  /// Some rows of another, with its bins.
  BinnedTable(const BinnedTable& whole, const std::vector<RowIndex>& rows, int threads)
      : mapper(whole.mapper), matrix(whole.matrix, mapper, rows, threads) {}

  BinMapper mapper;
  BinnedMatrix matrix;
};

}  // namespace curvature
