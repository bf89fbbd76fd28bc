#include "model/split_lines.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <span>

#include "data/sparse_rows.hpp"
#include "kernel/walk.hpp"

namespace curvature {
namespace {

constexpr std::uint32_t kNoPlace = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t kMostTogether = 16;          // columns read at once
constexpr std::uint32_t kNoRow = 0, kAllRows = 1;  // lines

bool in_set(const CodeSets& sets, std::int32_t set, std::size_t code) {
  const std::int64_t* begin = sets.begin.data() + set;
  const auto word = static_cast<std::int64_t>(code / 32);
  return word < begin[1] - begin[0] &&
         ((sets.words[static_cast<std::size_t>(begin[0] + word)] >> (code % 32)) & 1) != 0;
}

// The node indices of every feature's splits, in order.
std::vector<std::vector<std::size_t>> splits_by_feature(const TreeNodes& nodes) {
  std::vector<std::vector<std::size_t>> splits;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (nodes.feature[i] == kLeaf) continue;
    const auto feature = static_cast<std::size_t>(nodes.feature[i]);
    if (feature >= splits.size()) splits.resize(feature + 1);
    splits[feature].push_back(i);
  }
  return splits;
}

}  // namespace

SplitLines::SplitLines(const TreeNodes& nodes)
    : of_nodes_(nodes.size(), kNoRow), of_nodes_of_whole_rows_(nodes.size(), kNoRow) {
  const std::vector<std::vector<std::size_t>> splits = splits_by_feature(nodes);
  places_.assign(splits.size(), kNoPlace);
  for (std::size_t f = 0; f < splits.size(); ++f) {
    if (splits[f].empty()) continue;
    Feature feature;
    feature.feature = f;
    const bool by_sets = nodes.set[splits[f][0]] != kNoSet;
    possible_ = by_sets ? add_category(nodes, splits[f], feature) : add_numbers(nodes, splits[f], feature);
    if (!possible_) return;
    places_[f] = static_cast<std::uint32_t>(features_.size());
    features_.push_back(std::move(feature));
  }
}

bool SplitLines::add_numbers(const TreeNodes& nodes, const std::vector<std::size_t>& splits, Feature& feature) {
  std::vector<double> cuts;
  for (const std::size_t node : splits) {
    if (nodes.threshold[node] == -HUGE_VAL) return false;  // of no trained tree
    if (nodes.threshold[node] < HUGE_VAL) cuts.push_back(nodes.threshold[node]);
  }
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  if (cuts.size() > kMostCuts) return false;
  feature.n_codes = cuts.size() + 2;
  feature.first_line = n_lines_;
  n_lines_ += feature.n_lines();
  std::vector<std::uint32_t> missing_right(cuts.size() + 1, kNoRow);
  for (const std::size_t node : splits) {
    const auto cut =
        static_cast<std::size_t>(std::lower_bound(cuts.begin(), cuts.end(), nodes.threshold[node]) - cuts.begin());
    const std::uint32_t above = cut == cuts.size() ? kNoRow : feature.first_line + static_cast<std::uint32_t>(cut) + 1;
    if (!nodes.missing_left[node] && missing_right[cut] == kNoRow) {
      feature.missing_right = true;
      missing_right[cut] = new_line();
      missing_right_.push_back({missing_right[cut], above, feature.first_line});
    }
    of_nodes_[node] = nodes.missing_left[node] ? above : missing_right[cut];
    of_nodes_of_whole_rows_[node] = above;
  }
  feature.floats = kernel::CutSearch<float>(cuts);
  feature.doubles = kernel::CutSearch<double>(cuts);
  return true;
}

bool SplitLines::add_category(const TreeNodes& nodes, const std::vector<std::size_t>& splits, Feature& feature) {
  // Classes of levels: those of one class are in the same sets. What is past every set is like the code at its end.
  std::size_t n_codes = 1;
  for (const std::size_t node : splits) {
    const std::int64_t* begin = nodes.sets.begin.data() + nodes.set[node];
    n_codes = std::max(n_codes, static_cast<std::size_t>(begin[1] - begin[0]) * 32 + 1);
  }
  std::vector<std::size_t> classes(n_codes, 0);
  std::size_t n_classes = 1;
  for (const std::size_t node : splits) {
    std::map<std::pair<std::size_t, bool>, std::size_t> refined;
    for (std::size_t code = 0; code < n_codes; ++code) {
      const std::pair key(classes[code], in_set(nodes.sets, nodes.set[node], code));
      classes[code] = refined.try_emplace(key, refined.size()).first->second;
    }
    n_classes = refined.size();
    if (n_classes > kMostCuts) return false;
  }
  feature.classes.assign(classes.begin(), classes.end());
  feature.n_codes = n_classes;
  feature.first_line = n_lines_;
  n_lines_ += feature.n_lines();
  const std::uint32_t first_level = n_lines_;
  for (std::uint32_t c = 0; c < n_classes; ++c) {
    const std::uint32_t not_below = c == 0 ? kAllRows : feature.first_line + c - 1;
    const std::uint32_t above = c + 1 == n_classes ? kNoRow : feature.first_line + c;
    levels_.push_back({new_line(), not_below, above});
  }
  std::vector<std::size_t> a_code_of(n_classes);
  for (std::size_t code = 0; code < n_codes; ++code) a_code_of[classes[code]] = code;
  for (const std::size_t node : splits) {
    std::vector<std::uint32_t> sides[2];  // levels that are not in the set, and that are
    for (std::uint32_t c = 0; c < n_classes; ++c) {
      sides[in_set(nodes.sets, nodes.set[node], a_code_of[c])].push_back(first_level + c);
    }
    const bool listed_right = nodes.missing_left[node] != 0;
    const bool shorter = sides[1].size() < sides[0].size();
    const auto begin = static_cast<std::uint32_t>(members_.size());
    members_.insert(members_.end(), sides[shorter].begin(), sides[shorter].end());
    of_nodes_[node] = of_nodes_of_whole_rows_[node] = new_line();
    sets_.push_back({of_nodes_[node], begin, static_cast<std::uint32_t>(members_.size()), shorter != listed_right});
  }
  return true;
}

template <class Value>
void SplitLines::Feature::encode(const Value* values, std::size_t n, std::uint8_t* codes) const {
  if (classes.empty()) {
    if constexpr (sizeof(Value) == 4) {
      floats.encode(values, n, codes);
    } else {
      doubles.encode(values, n, codes);
    }
    return;
  }
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t code = values[i] > 0 ? static_cast<std::size_t>(values[i]) : 0;
    codes[i] = classes[std::min(code, classes.size() - 1)];
  }
}

void SplitLines::encode(const Table& table, std::size_t begin, std::size_t n, std::size_t tile_rows,
                        std::uint8_t* codes) const {
  if (table.sparse) return encode_sparse(*table.sparse, begin, n, tile_rows, codes);
  const auto floats = std::make_unique_for_overwrite<float[]>(kMostTogether * tile_rows);
  const auto doubles = std::make_unique_for_overwrite<double[]>(kMostTogether * tile_rows);
  std::size_t together;
  for (std::size_t at = 0; at < features_.size(); at += together) {
    const std::size_t first = features_[at].feature;
    const bool fit_float = table.columns[first].fits_float();
    const auto belongs = [&](std::size_t i) {
      return at + i < features_.size() && features_[at + i].feature == first + i &&
             table.columns[first + i].fits_float() == fit_float;
    };
    for (together = 1; together < kMostTogether && belongs(together);) ++together;
    const auto encode_all = [&](auto* values) {
      read_block(std::span(table.columns).subspan(first, together), begin, n, values, tile_rows);
      for (std::size_t i = 0; i < together; ++i, codes += tile_rows) {
        features_[at + i].encode(values + i * tile_rows, n, codes);
        std::fill(codes + n, codes + tile_rows, codes[n - 1]);
      }
    };
    fit_float ? encode_all(floats.get()) : encode_all(doubles.get());
  }
}

void SplitLines::encode_sparse(const SparseRows& rows, std::size_t begin, std::size_t n, std::size_t tile_rows,
                               std::uint8_t* codes) const {
  const double absent = rows.absent();
  for (std::size_t place = 0; place < features_.size(); ++place) {
    std::uint8_t usual;
    features_[place].encode(&absent, 1, &usual);
    std::fill_n(codes + place * tile_rows, tile_rows, usual);
  }
  for_each_entry(rows, begin, begin + n, [&](std::size_t row, std::size_t column, double value) {
    if (column >= places_.size() || places_[column] == kNoPlace) return;
    const std::size_t place = places_[column];
    features_[place].encode(&value, 1, codes + place * tile_rows + (row - begin));
  });
}

// Whether no number is missing, of the features where some split sends missing ones to the right.
bool SplitLines::is_whole(const std::byte* lines, std::size_t line_bytes) const {
  auto present = std::byte{0xff};
  for (const Feature& feature : features_) {
    if (!feature.missing_right) continue;
    const std::byte* of_feature = lines + feature.first_line * line_bytes;
    for (std::size_t i = 0; i < line_bytes; ++i) present &= of_feature[i];
  }
  return present == std::byte{0xff};
}

bool SplitLines::fill(const kernel::BitSlicesKernels& kernels, const std::uint8_t* codes, void* lines_out) const {
  auto* lines = static_cast<std::byte*>(lines_out);
  const std::size_t line_bytes = kernels.tile_rows / 8;
  for (const Feature& feature : features_) {
    const int n_planes = std::max(1, static_cast<int>(std::bit_width(feature.n_codes - 1)));
    kernels.compare(codes, n_planes, feature.n_lines(), lines + feature.first_line * line_bytes);
    codes += kernels.tile_rows;
  }
  const bool whole = is_whole(lines, line_bytes);
  kernel::DerivedLines derived;
  derived.or_not = missing_right_.data();
  derived.n_or_not = whole ? 0 : missing_right_.size();
  derived.and_not = levels_.data();
  derived.n_and_not = levels_.size();
  derived.unions = sets_.data();
  derived.n_unions = sets_.size();
  derived.members = members_.data();
  kernels.derive(derived, lines);
  return whole;
}

}  // namespace curvature
