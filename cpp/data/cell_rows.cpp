#include "data/cell_rows.hpp"

#include <algorithm>
#include <limits>
#include <type_traits>
#include <utility>

#include "base/profile.hpp"
#include "base/threads.hpp"

namespace curvature {
namespace {

// A cell of a histogram is told by 32 bits, a row of a tile by 16.
constexpr std::size_t kMostCells = std::numeric_limits<std::uint32_t>::max();
static_assert(CellRows::kTileRows <= std::size_t{1} << 16);

constexpr std::uint32_t kUnlisted = std::numeric_limits<std::uint32_t>::max();

// Calls visit(row, code) for rows [begin, end) of a column; of a sparse one for those that are kept.
template <class Column, class Visit>
void for_each_row(const Column& column, std::size_t begin, std::size_t end, Visit&& visit) {
  if constexpr (std::is_same_v<Column, kernel::SparseColumn>) {
    const RowIndex* const last = column.rows + column.size;
    for (const RowIndex* row = std::lower_bound(column.rows, last, begin); row < last && *row < end; ++row) {
      visit(*row, column.codes[row - column.rows]);
    }
  } else {
    for (std::size_t row = begin; row < end; ++row) visit(row, column[row]);
  }
}

// Of a slot: how many rows have each code, and then each code's place among the listed cells.
struct SlotCodes {
  std::vector<std::uint32_t> counts, places;
  std::size_t usual = 0;
};

SlotCodes count_codes(const BinnedMatrix& matrix, std::size_t slot, std::int32_t n_codes) {
  SlotCodes codes;
  codes.counts.resize(static_cast<std::size_t>(n_codes));
  codes.places.assign(codes.counts.size(), kUnlisted);
  matrix.visit_column(slot, [&](const auto& column) {
    for_each_row(column, 0, matrix.n_rows(), [&](std::size_t, std::size_t code) { ++codes.counts[code]; });
  });
  if (matrix.is_sparse()) {
    codes.usual = matrix.sparse().column(slot).default_code;
  } else {
    const auto most = std::max_element(codes.counts.begin(), codes.counts.end());
    codes.usual = static_cast<std::size_t>(most - codes.counts.begin());
  }
  return codes;
}

void list_rows(const BinnedMatrix& matrix, std::size_t slot, const SlotCodes& codes, std::size_t begin, std::size_t end,
               CellRows::Tile& tile) {
  matrix.visit_column(slot, [&](const auto& column) {
    std::vector<std::uint32_t> at(codes.places.size(), 0);  // of each code, where its next row goes
    for_each_row(column, begin, end, [&](std::size_t, std::size_t code) { ++at[code]; });
    auto next = static_cast<std::uint32_t>(tile.rows.size());
    for (std::size_t code = 0; code < at.size(); ++code) {
      if (at[code] == 0 || codes.places[code] == kUnlisted) continue;
      tile.runs.push_back({codes.places[code], at[code]});
      next += std::exchange(at[code], next);
    }
    tile.rows.resize(next);
    for_each_row(column, begin, end, [&](std::size_t row, std::size_t code) {
      if (codes.places[code] != kUnlisted) tile.rows[at[code]++] = static_cast<std::uint16_t>(row - begin);
    });
  });
}

}  // namespace

std::optional<CellRows> CellRows::make(const BinnedMatrix& matrix, const HistogramLayout& layout,
                                       std::size_t most_bytes, int threads) {
  if (layout.cells > kMostCells) return std::nullopt;
  const profile::Scope scope(Phase::bin, 0);
  std::vector<std::size_t> used;  // slots
  for (std::size_t slot = 0; slot < layout.words.size() * kWordSlots; ++slot) {
    if (matrix.feature_of(slot) != BinnedMatrix::kNoFeature) used.push_back(slot);
  }
  std::vector<SlotCodes> codes(used.size());
  parallel_for(used.size(), threads, [&](std::size_t i, int) {
    codes[i] = count_codes(matrix, used[i], layout.words[used[i] / kWordSlots].lines);
  });

  CellRows made;
  std::size_t n_listed = 0;
  for (std::size_t i = 0; i < used.size(); ++i) {
    const Word& word = layout.words[used[i] / kWordSlots];
    const auto cell = [&](std::size_t code) {
      return cell_index(word, static_cast<int>(used[i] % kWordSlots), static_cast<std::int32_t>(code));
    };
    const std::size_t first = made.cells_.size();
    for (std::size_t code = 0; code < codes[i].counts.size(); ++code) {
      if (codes[i].counts[code] == 0 || code == codes[i].usual) continue;
      n_listed += codes[i].counts[code];
      codes[i].places[code] = static_cast<std::uint32_t>(made.cells_.size());
      made.cells_.push_back(static_cast<std::uint32_t>(cell(code)));
    }
    made.slots_.push_back({first, made.cells_.size(), cell(codes[i].usual)});
  }
  const std::size_t n_tiles = (matrix.n_rows() + kTileRows - 1) / kTileRows;
  const std::size_t most_runs = std::min(n_listed, n_tiles * made.cells_.size());
  if (n_listed * sizeof(std::uint16_t) + most_runs * sizeof(kernel::CellRun) > most_bytes) return std::nullopt;

  made.tiles_.resize(n_tiles);
  parallel_ranges(matrix.n_rows(), kTileRows, threads, [&](std::size_t begin, std::size_t end, int) {
    Tile& tile = made.tiles_[begin / kTileRows];
    for (std::size_t i = 0; i < used.size(); ++i) list_rows(matrix, used[i], codes[i], begin, end, tile);
    tile.runs.shrink_to_fit();
    tile.rows.shrink_to_fit();
  });
  return made;
}

}  // namespace curvature
