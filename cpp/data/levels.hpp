// Levels of categories: text and whole numbers as codes, and how much each code weighs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "data/table.hpp"

namespace curvature {

/// A code a row, in the narrowest of 8, 16 and 32 bits that holds the codes so far.
class Codes {
 public:
  using Store = std::variant<std::vector<std::uint8_t>, std::vector<std::uint16_t>, std::vector<std::int32_t>>;

  explicit Codes(std::size_t n_rows);
  /// Adds codes of 0 to `largest`.
  void append(std::span<const std::int32_t> codes, std::int32_t largest);
  [[nodiscard]] Store&& take() && { return std::move(store_); }

 private:
  template <class Wide>
  void widen();

  std::size_t n_rows_;
  Store store_;
};

/// Text as Arrow lays it out: offsets into one run of bytes, or views of 16 bytes that hold the text or its place in
/// one of several runs.
struct TextChunk {
  enum class Layout { offsets32, offsets64, views };

  Layout layout = Layout::offsets32;
  std::span<const std::byte> index;  // from the first row on: n + 1 offsets, or n views
  std::vector<std::string_view> runs;
  std::size_t n_rows = 0;
  const std::uint8_t* present = nullptr;
  std::size_t first_bit = 0;
};

/// Code 0 is missing, code i + 1 the level i; levels stand in the order of their first rows.
struct TextLevels {
  Codes::Store codes;
  std::vector<std::string_view> levels;  // in the memory of the chunks
  std::vector<std::size_t> first_rows;
};
struct IntegerLevels {
  Codes::Store codes;
  std::vector<std::int64_t> levels;
};

/// Throws InputError where a text lies outside its memory. `name` is the column's, for the message.
[[nodiscard]] TextLevels text_levels(std::span<const TextChunk> chunks, const std::string& name);
/// Throws InputError where a value is not whole, or beyond 64 bits.
[[nodiscard]] IntegerLevels integer_levels(const Column& column, std::size_t n_rows, const std::string& name);

/// Sum of the weights (all 1 where null), in the order of the rows, by code of a category; code 0 for missing.
[[nodiscard]] std::vector<double> code_weights(const Column& category, std::size_t n_rows, const double* weights);

}  // namespace curvature
