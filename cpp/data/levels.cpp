#include "data/levels.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <unordered_map>

#include "base/errors.hpp"

namespace curvature {
namespace {

constexpr std::size_t kBlock = 4096;

bool is_present(const std::uint8_t* bits, std::size_t at) { return !bits || ((bits[at / 8] >> (at % 8)) & 1); }

// Gives every value its code, new ones the next.
template <class Value>
class LevelTable {
 public:
  LevelTable(std::size_t n_rows, const std::string& name) : codes_(n_rows), name_(name) { block_.reserve(kBlock); }

  void add_missing() { push(0); }
  /// Whether the value is new.
  bool add(const Value& value) {
    if (!levels_.empty() && value == levels_[static_cast<std::size_t>(last_ - 1)]) {  // runs of one level are common
      push(last_);
      return false;
    }
    const auto [place, added] = places_.try_emplace(value, static_cast<std::int32_t>(levels_.size()) + 1);
    if (added) {
      if (levels_.size() == kMost) throw InputError(sentence("X has more than ", kMost, " levels in ", name_, "."));
      levels_.push_back(value);
    }
    last_ = place->second;
    push(last_);
    return added;
  }
  Codes::Store take_codes() {
    flush();
    return std::move(codes_).take();
  }
  std::vector<Value>& levels() { return levels_; }

 private:
  static constexpr std::size_t kMost = std::numeric_limits<std::int32_t>::max() - 1;

  void push(std::int32_t code) {
    block_.push_back(code);
    if (block_.size() == kBlock) flush();
  }
  void flush() {
    codes_.append(block_, static_cast<std::int32_t>(levels_.size()));
    block_.clear();
  }

  Codes codes_;
  const std::string& name_;
  std::vector<std::int32_t> block_;
  std::vector<Value> levels_;
  std::unordered_map<Value, std::int32_t> places_;
  std::int32_t last_ = 1;
};

template <class Number>
Number number_at(std::span<const std::byte> bytes, std::size_t at) {
  Number number;
  std::memcpy(&number, bytes.data() + at * sizeof(Number), sizeof(Number));
  return number;
}

// The part of a run, or nothing where it does not lie within.
bool part_of(std::string_view run, std::int64_t begin, std::int64_t end, std::string_view& text) {
  if (begin < 0 || end < begin || static_cast<std::uint64_t>(end) > run.size()) return false;
  text = run.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  return true;
}

template <class Offset>
bool text_by_offsets(const TextChunk& chunk, std::size_t row, std::string_view& text) {
  return part_of(chunk.runs[0], number_at<Offset>(chunk.index, row), number_at<Offset>(chunk.index, row + 1), text);
}

// A view: the length, then up to 12 bytes of text, or 4 of them, the number of a run, and the place in it.
bool text_by_view(const TextChunk& chunk, std::size_t row, std::string_view& text) {
  const std::byte* view = chunk.index.data() + 16 * row;
  std::array<std::int32_t, 4> fields;
  std::memcpy(fields.data(), view, sizeof(fields));
  const std::int32_t length = fields[0];
  if (length < 0) return false;
  if (length <= 12) {
    text = {reinterpret_cast<const char*>(view) + 4, static_cast<std::size_t>(length)};
    return true;
  }
  if (fields[2] < 0 || static_cast<std::size_t>(fields[2]) >= chunk.runs.size()) return false;
  const std::int64_t begin = fields[3];
  return part_of(chunk.runs[static_cast<std::size_t>(fields[2])], begin, begin + length, text);
}

bool text_at(const TextChunk& chunk, std::size_t row, std::string_view& text) {
  switch (chunk.layout) {
    case TextChunk::Layout::offsets32:
      return text_by_offsets<std::int32_t>(chunk, row, text);
    case TextChunk::Layout::offsets64:
      return text_by_offsets<std::int64_t>(chunk, row, text);
    case TextChunk::Layout::views:
      return text_by_view(chunk, row, text);
  }
  return false;
}

// Bytes that the chunk's rows take in its index.
std::size_t index_size(const TextChunk& chunk) {
  if (chunk.layout == TextChunk::Layout::views) return 16 * chunk.n_rows;
  return (chunk.layout == TextChunk::Layout::offsets32 ? 4 : 8) * (chunk.n_rows + 1);
}

// Integers of 64 bits as they are: doubles would round those beyond 2^53. Calls take(row, value).
template <class Integer, class Take>
void for_each_integer(const Column& column, Take&& take) {
  std::size_t row = 0;
  for (const Chunk& chunk : column.chunks) {
    const std::byte* at = chunk.data;
    for (std::size_t i = 0; row < chunk.end; ++row, ++i, at += chunk.stride) {
      Integer value;
      std::memcpy(&value, at, sizeof(value));
      take(row, value, is_present(chunk.present, chunk.first_bit + i));
    }
  }
}

template <class Take>
void for_each_value(const Column& column, std::size_t n_rows, Take&& take) {
  std::array<double, kBlock> values;
  for (std::size_t begin = 0; begin < n_rows; begin += kBlock) {
    const std::size_t n = std::min(kBlock, n_rows - begin);
    read_values(column, begin, n, values.data());
    for (std::size_t i = 0; i < n; ++i) take(begin + i, values[i]);
  }
}

[[noreturn]] void refuse_number(const std::string& value, std::size_t row, const std::string& name) {
  throw InputError(sentence("X has ", value, " in row ", row, " of ", name,
                            "; a category takes whole numbers of at most 64 bits only."));
}

}  // namespace

Codes::Codes(std::size_t n_rows) : n_rows_(n_rows) { std::get<0>(store_).reserve(n_rows); }

template <class Wide>
void Codes::widen() {
  std::vector<Wide> wide;
  wide.reserve(n_rows_);
  std::visit(
      [&](const auto& codes) {
        std::transform(codes.begin(), codes.end(), std::back_inserter(wide),
                       [](auto code) { return static_cast<Wide>(code); });
      },
      store_);
  store_ = std::move(wide);
}

void Codes::append(std::span<const std::int32_t> codes, std::int32_t largest) {
  if (largest > std::numeric_limits<std::uint8_t>::max() && store_.index() == 0) widen<std::uint16_t>();
  if (largest > std::numeric_limits<std::uint16_t>::max() && store_.index() == 1) widen<std::int32_t>();
  std::visit(
      [&](auto& store) {
        using Code = typename std::remove_reference_t<decltype(store)>::value_type;
        for (const std::int32_t code : codes) store.push_back(static_cast<Code>(code));
      },
      store_);
}

TextLevels text_levels(std::span<const TextChunk> chunks, const std::string& name) {
  std::size_t n_rows = 0;
  for (const TextChunk& chunk : chunks) {
    const bool runs = chunk.layout == TextChunk::Layout::views || chunk.runs.size() == 1;
    if (chunk.n_rows > 0 && (!runs || chunk.index.size() < index_size(chunk))) {
      throw InputError(sentence("X has text without memory for ", chunk.n_rows, " rows in ", name, "."));
    }
    n_rows += chunk.n_rows;
  }
  LevelTable<std::string_view> table(n_rows, name);
  std::vector<std::size_t> first_rows;
  std::size_t row = 0;
  for (const TextChunk& chunk : chunks) {
    for (std::size_t i = 0; i < chunk.n_rows; ++i, ++row) {
      std::string_view text;
      if (!is_present(chunk.present, chunk.first_bit + i)) {
        table.add_missing();
        continue;
      }
      if (!text_at(chunk, i, text)) {
        throw InputError(sentence("X has text that lies outside its memory in row ", row, " of ", name, "."));
      }
      if (table.add(text)) first_rows.push_back(row);
    }
  }
  return {table.take_codes(), std::move(table.levels()), std::move(first_rows)};
}

IntegerLevels integer_levels(const Column& column, std::size_t n_rows, const std::string& name) {
  LevelTable<std::int64_t> table(n_rows, name);
  const bool plain = !column.unit.counts() && std::none_of(column.chunks.begin(), column.chunks.end(),
                                                           [](const Chunk& chunk) { return chunk.lookup != nullptr; });
  const auto add_exact = [&](std::size_t row, auto value, bool present) {
    if (!present) return table.add_missing();
    if constexpr (std::is_unsigned_v<decltype(value)>) {
      if (value >> 63) refuse_number(std::to_string(value), row, name);
    }
    table.add(static_cast<std::int64_t>(value));
  };
  if (plain && column.type == ValueType::i64) {
    for_each_integer<std::int64_t>(column, add_exact);
  } else if (plain && column.type == ValueType::u64) {
    for_each_integer<std::uint64_t>(column, add_exact);
  } else {
    for_each_value(column, n_rows, [&](std::size_t row, double value) {
      if (std::isnan(value)) return table.add_missing();
      if (std::trunc(value) != value || !(std::fabs(value) < 0x1p63)) refuse_number(sentence(value), row, name);
      table.add(static_cast<std::int64_t>(value));
    });
  }
  return {table.take_codes(), std::move(table.levels())};
}

std::vector<double> code_weights(const Column& category, std::size_t n_rows, const double* weights) {
  std::vector<double> sums(static_cast<std::size_t>(std::max(category.n_codes, 1)), 0.0);
  for_each_value(category, n_rows, [&](std::size_t row, double value) {
    const std::size_t code = std::isnan(value) ? 0 : static_cast<std::size_t>(value);
    if (code < sums.size()) sums[code] += weights ? weights[row] : 1.0;
  });
  return sums;
}

}  // namespace curvature
