// What the splits of a forest ask of a row, each question once: lines of answers for a tile of rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "data/table.hpp"
#include "kernel/binning.hpp"
#include "kernel/bit_slices.hpp"
#include "model/tree.hpp"

namespace curvature {

/// Splits of the same feature by the same threshold (or set) that send missing values to the same side share a line.
/// A number's code is one more than the thresholds below it, 0 where it is missing; a category's code is the class of
/// its level: levels that no set tells apart are of one class.
class SplitLines {
 public:
  /// More thresholds (or classes of levels) than this of one feature have no byte.
  static constexpr std::size_t kMostCuts = 254;

  /// Not possible where a feature has too many thresholds, or one of -inf.
  explicit SplitLines(const TreeNodes& nodes);

  [[nodiscard]] bool possible() const { return possible_; }
  /// Of every node: the line of the rows that it sends right; 0 of a leaf.
  [[nodiscard]] const std::vector<std::uint32_t>& of_nodes() const { return of_nodes_; }
  /// The same for a tile where no number is missing: a threshold has one line, whatever side missing values go to.
  [[nodiscard]] const std::vector<std::uint32_t>& of_nodes_of_whole_rows() const { return of_nodes_of_whole_rows_; }
  [[nodiscard]] std::size_t n_lines() const { return n_lines_; }
  [[nodiscard]] std::size_t n_features() const { return features_.size(); }

  /// Codes of rows [begin, begin + n), feature by feature, `tile_rows` apart; what is past n is as row
  /// begin + n - 1.
  void encode(const Table& table, std::size_t begin, std::size_t n, std::size_t tile_rows, std::uint8_t* codes) const;
  /// The lines of those codes; true where no number is missing, and then only the lines of whole rows.
  [[nodiscard]] bool fill(const kernel::BitSlicesKernels& kernels, const std::uint8_t* codes, void* lines) const;

 private:
  struct Feature {
    std::size_t feature = 0;
    std::size_t n_codes = 0;
    std::uint32_t first_line = 0;  // of codes greater than 0, 1, …
    bool missing_right = false;    // in some split
    kernel::CutSearch<float> floats;
    kernel::CutSearch<double> doubles;
    std::vector<std::uint8_t> classes;  // of a category: of every code; those past the end are of the last class

    [[nodiscard]] std::uint32_t n_lines() const { return static_cast<std::uint32_t>(n_codes - 1); }
    template <class Value>
    void encode(const Value* values, std::size_t n, std::uint8_t* codes) const;
  };

  bool add_numbers(const TreeNodes& nodes, const std::vector<std::size_t>& splits, Feature& feature);
  bool add_category(const TreeNodes& nodes, const std::vector<std::size_t>& splits, Feature& feature);
  void encode_sparse(const SparseRows& rows, std::size_t begin, std::size_t n, std::size_t tile_rows,
                     std::uint8_t* codes) const;
  [[nodiscard]] bool is_whole(const std::byte* lines, std::size_t line_bytes) const;
  [[nodiscard]] std::uint32_t new_line() { return n_lines_++; }

  bool possible_ = true;
  std::uint32_t n_lines_ = 2;
  std::vector<std::uint32_t> of_nodes_, of_nodes_of_whole_rows_;
  std::vector<Feature> features_;
  std::vector<std::uint32_t> places_;  // of every feature up to the last used: its place among those; kNoPlace
  std::vector<kernel::LinePair> missing_right_, levels_;
  std::vector<kernel::LineUnion> sets_;
  std::vector<std::uint32_t> members_;
};

}  // namespace curvature
