// The rows of a binned matrix listed by cell of a histogram, for those who build many histograms of all rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "data/binned_matrix.hpp"
#include "kernel/cell_runs.hpp"
#include "kernel/histogram.hpp"

namespace curvature {

/// Two bytes a (row, column), and eight for each cell that a tile has. Rows with a column's most frequent code are not
/// listed: its cell is what the column's others leave of the total.
class CellRows {
 public:
  static constexpr std::size_t kTileRows = 4096;  // whose pairs of eight trees stay in the second-level cache

  struct Tile {
    std::vector<kernel::CellRun> runs;  // cells by their place in `cells`
    std::vector<std::uint16_t> rows;    // counted from the tile's first
  };
  struct Slot {
    std::size_t first, last;  // its listed cells
    std::size_t usual_cell;   // of the histogram
  };

  /// Nothing where the lists may take more than `most_bytes`.
  static std::optional<CellRows> make(const BinnedMatrix& matrix, const HistogramLayout& layout, std::size_t most_bytes,
                                      int threads);

  [[nodiscard]] std::size_t n_tiles() const { return tiles_.size(); }
  [[nodiscard]] const Tile& tile(std::size_t i) const { return tiles_[i]; }
  [[nodiscard]] const std::vector<Slot>& slots() const { return slots_; }
  /// Where the listed cells lie in a histogram, slot by slot.
  [[nodiscard]] const std::vector<std::uint32_t>& cells() const { return cells_; }

 private:
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> cells_;
  std::vector<Tile> tiles_;
};

}  // namespace curvature
