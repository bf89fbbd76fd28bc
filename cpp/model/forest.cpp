#include "model/forest.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/errors.hpp"
#include "base/profile.hpp"
#include "base/threads.hpp"
#include "data/sparse_rows.hpp"

namespace curvature {
namespace {

constexpr std::size_t kTogether = 8;  // rows walked side by side

template <class T>
void extend(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

void require(bool condition, const char* what, std::size_t where) {
  if (!condition) throw ModelError(sentence("the model's trees are damaged: ", what, " at ", where, "."));
}

}  // namespace

void CodeSets::append(const std::vector<std::uint8_t>& sides, bool side) {
  for (std::size_t code = 0; code < sides.size(); ++code) {
    if ((sides[code] != 0) == side) continue;
    words.resize(static_cast<std::size_t>(begin.back()) + code / 32 + 1, 0);
    words.back() |= std::uint32_t{1} << (code % 32);
  }
  begin.push_back(static_cast<std::int64_t>(words.size()));
}

void CodeSets::append(const CodeSets& other) {
  for (std::size_t i = 0; i < other.size(); ++i) begin.push_back(begin.back() + other.begin[i + 1] - other.begin[i]);
  extend(words, other.words);
}

void TreeNodes::append(const TreeNodes& other) {
  extend(feature, other.feature);
  extend(threshold, other.threshold);
  for (const std::int32_t i : other.set)
    set.push_back(i == kNoSet ? kNoSet : i + static_cast<std::int32_t>(sets.size()));
  sets.append(other.sets);
  extend(left, other.left);
  extend(missing_left, other.missing_left);
  extend(value, other.value);
  extend(gain, other.gain);
  extend(cover, other.cover);
}

Forest::Forest(std::int32_t n_features, std::int32_t n_outputs, std::vector<std::int64_t> tree_begin, TreeNodes nodes)
    : n_features_(n_features), n_outputs_(n_outputs), tree_begin_(std::move(tree_begin)), nodes_(std::move(nodes)) {
  check();
  find_used_features();
  make_plan();
}

void Forest::check() const {
  const std::size_t n = nodes_.size();
  for (const std::size_t size :
       {nodes_.threshold.size(), nodes_.set.size(), nodes_.left.size(), nodes_.missing_left.size(), nodes_.value.size(),
        nodes_.gain.size(), nodes_.cover.size()}) {
    require(size == n, "an array of another length than the others", size);
  }
  require(n_features_ >= 1, "no feature", 0);
  require(n_outputs_ >= 1, "no output", 0);
  require(!tree_begin_.empty() && tree_begin_.front() == 0 && tree_begin_.back() == static_cast<std::int64_t>(n),
          "tree offsets that do not cover the nodes", n);
  require(n_trees() % static_cast<std::size_t>(n_outputs_) == 0, "a round without a tree for every output", n_trees());
  for (std::size_t t = 0; t + 1 < tree_begin_.size(); ++t) {
    require(tree_begin_[t] < tree_begin_[t + 1] && tree_begin_[t + 1] <= static_cast<std::int64_t>(n), "an empty tree",
            t);
  }
  for (std::size_t t = 0; t < n_trees(); ++t) {
    const auto begin = static_cast<std::size_t>(tree_begin_[t]);
    const auto size = static_cast<std::int64_t>(tree_begin_[t + 1]) - tree_begin_[t];
    std::int64_t next_child = 1;  // children are numbered in the order of their parents: each has exactly one
    for (std::size_t i = begin; i < begin + static_cast<std::size_t>(size); ++i) {
      require(std::isfinite(nodes_.value[i]) && std::isfinite(nodes_.gain[i]) && std::isfinite(nodes_.cover[i]),
              "a value, gain or cover that is not finite", i);
      require(!std::isnan(nodes_.threshold[i]), "a threshold that is NaN", i);
      require(nodes_.missing_left[i] <= 1, "a side of missing values that is neither left nor right", i);
      if (nodes_.feature[i] == kLeaf) continue;
      require(nodes_.feature[i] >= 0 && nodes_.feature[i] < n_features_, "a feature out of range", i);
      require(nodes_.left[i] == next_child && next_child + 1 < size, "a child out of order", i);
      require(nodes_.left[i] > static_cast<std::int64_t>(i - begin), "a child before its parent", i);
      next_child += 2;
    }
    require(next_child == size, "a node without a parent", begin);
  }
  check_sets();
}

// Sets follow each other in the order of the nodes.
void Forest::check_sets() const {
  const CodeSets& sets = nodes_.sets;
  require(!sets.begin.empty() && sets.begin.front() == 0 &&
              sets.begin.back() == static_cast<std::int64_t>(sets.words.size()) && sets.words.size() < UINT32_MAX,
          "set offsets that do not cover the sets", sets.words.size());
  constexpr std::int64_t kMostWords = 65536 / 32;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const std::int64_t size = sets.begin[i + 1] - sets.begin[i];
    require(size >= 0 && size <= kMostWords, "a set of no possible size", i);
  }
  std::size_t next_set = 0;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_.set[i] == kNoSet) continue;
    require(nodes_.feature[i] != kLeaf, "a leaf with a set", i);
    require(nodes_.set[i] >= 0 && static_cast<std::size_t>(nodes_.set[i]) == next_set++, "a set out of order", i);
  }
  require(next_set == sets.size(), "a set without a node", next_set);
}

// Throws where a feature is split by sets and by thresholds.
void Forest::find_used_features() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_.feature[i] == kLeaf) continue;
    used_features_.push_back({static_cast<std::size_t>(nodes_.feature[i]), nodes_.set[i] != kNoSet});
  }
  const auto key = [](const UsedFeature& used) { return 2 * used.feature + used.by_sets; };
  std::sort(used_features_.begin(), used_features_.end(), [&](auto& a, auto& b) { return key(a) < key(b); });
  const auto same = [&](auto& a, auto& b) { return key(a) == key(b); };
  used_features_.erase(std::unique(used_features_.begin(), used_features_.end(), same), used_features_.end());
  for (std::size_t i = 1; i < used_features_.size(); ++i) {
    require(used_features_[i].feature != used_features_[i - 1].feature, "sets and thresholds of one feature",
            used_features_[i].feature);
  }
}

void Forest::make_plan() {
  const auto column = [this](std::int32_t feature) {
    const auto at = std::lower_bound(used_features_.begin(), used_features_.end(), static_cast<std::size_t>(feature),
                                     [](const UsedFeature& used, std::size_t wanted) { return used.feature < wanted; });
    return static_cast<std::uint32_t>(at - used_features_.begin());
  };
  plan_.resize(nodes_.size());
  for (std::size_t t = 0; t < n_trees(); ++t) {
    const auto begin = static_cast<std::size_t>(tree_begin_[t]);
    const auto end = static_cast<std::size_t>(tree_begin_[t + 1]);
    std::vector<std::int32_t> depth(end - begin, 0);
    for (std::size_t i = begin; i < end; ++i) {
      const auto self = static_cast<std::uint32_t>(i - begin);
      if (nodes_.feature[i] == kLeaf) {
        plan_[i] = {HUGE_VAL, self, 0};
        continue;
      }
      const auto left = static_cast<std::uint32_t>(nodes_.left[i]);
      depth[left] = depth[left + 1] = depth[self] + 1;
      const std::uint32_t missing_side = nodes_.missing_left[i] ? 0 : kernel::kMissingRight;
      plan_[i] = {nodes_.threshold[i], left, column(nodes_.feature[i]) | missing_side};
      if (nodes_.set[i] == kNoSet) continue;
      const std::int64_t* words = nodes_.sets.begin.data() + nodes_.set[i];
      const auto begin_word = static_cast<std::uint32_t>(words[0]);
      plan_[i].threshold =
          std::bit_cast<double>(kernel::WordRange{begin_word, static_cast<std::uint32_t>(words[1] - words[0])});
      plan_[i].column |= kernel::kHasSet;
    }
    depth_.push_back(*std::max_element(depth.begin(), depth.end()));
  }
}

template <std::size_t Rows>
void Forest::walk(std::size_t tree, const double* block, std::size_t stride, std::uint32_t* leaves) const {
  const kernel::WalkNode* root = plan_.data() + tree_begin_[tree];
  if (nodes_.sets.size() == 0) return kernel::walk<Rows, false>(root, depth_[tree], block, stride, nullptr, leaves);
  kernel::walk<Rows, true>(root, depth_[tree], block, stride, nodes_.sets.words.data(), leaves);
}

// Calls visit(first row, rows, values, stride) for blocks of rows whose used columns lie row by row in `values`,
// filled up to a multiple of kTogether rows.
template <class Visit>
void Forest::for_each_block(const Table& table, int threads, Visit&& visit) const {
  constexpr std::size_t kBlockValues = 8192;                                   // 64 KiB of doubles
  const std::size_t stride = std::max<std::size_t>(used_features_.size(), 1);  // leaves read column 0
  const std::size_t block_rows = std::clamp(kBlockValues / stride / kTogether * kTogether, kTogether, std::size_t{256});
  const bool small = table.n_rows * n_trees() < 20'000;  // a region costs more than the walk
  const std::vector<std::uint32_t> places = table.sparse ? used_places() : std::vector<std::uint32_t>();
  parallel_ranges(table.n_rows, block_rows, small ? 1 : threads, [&](std::size_t begin, std::size_t end, int) {
    const std::size_t n = end - begin;
    const profile::Scope scope(Phase::predict, n * n_trees());
    std::vector<double> values((n + kTogether - 1) / kTogether * kTogether * stride,
                               table.sparse ? table.sparse->absent() : 0.0);
    if (table.sparse) {
      for_each_entry(*table.sparse, begin, end, [&](std::size_t row, std::size_t column, double value) {
        if (places[column] < stride) values[(row - begin) * stride + places[column]] = value;
      });
    } else {
      std::vector<double> one_column(n);
      for (std::size_t c = 0; c < used_features_.size(); ++c) {
        read_values(table.columns[used_features_[c].feature], begin, n, one_column.data());
        for (std::size_t i = 0; i < n; ++i) values[i * stride + c] = one_column[i];
      }
    }
    visit(begin, n, values.data(), stride);
  });
}

// Of every feature, its place among those that are used; a number past them where it is not.
std::vector<std::uint32_t> Forest::used_places() const {
  std::vector<std::uint32_t> places(static_cast<std::size_t>(n_features_), UINT32_MAX);
  for (std::size_t c = 0; c < used_features_.size(); ++c)
    places[used_features_[c].feature] = static_cast<std::uint32_t>(c);
  return places;
}

void Forest::add_scores(const Table& table, std::size_t first, std::size_t last, double* scores, int threads) const {
  if (first == 0 && last == n_trees()) {
    const auto* engine = sliced_->of_batch(table.n_rows, nodes_, tree_begin_, static_cast<std::size_t>(n_outputs_));
    if (engine) return engine->add_scores(table, scores, threads);
  }
  const auto n_outputs = static_cast<std::size_t>(n_outputs_);
  for_each_block(table, threads, [&](std::size_t begin, std::size_t n, const double* values, std::size_t stride) {
    for (std::size_t t = first; t < last; ++t) {
      const auto root = static_cast<std::size_t>(tree_begin_[t]);
      const double* leaf_values = nodes_.value.data() + root;
      std::uint32_t leaves[kTogether];
      for (std::size_t i = 0; i < n; i += kTogether) {
        walk<kTogether>(t, values + i * stride, stride, leaves);
        double* to = scores + (begin + i) * n_outputs + t % n_outputs;
        for (std::size_t r = 0; r < std::min(kTogether, n - i); ++r) to[r * n_outputs] += leaf_values[leaves[r]];
      }
    }
  });
}

void Forest::apply(const Table& table, std::int32_t* leaves_out, int threads) const {
  for_each_block(table, threads, [&](std::size_t begin, std::size_t n, const double* values, std::size_t stride) {
    for (std::size_t t = 0; t < n_trees(); ++t) {
      std::uint32_t leaves[kTogether];
      for (std::size_t i = 0; i < n; i += kTogether) {
        walk<kTogether>(t, values + i * stride, stride, leaves);
        for (std::size_t r = 0; r < std::min(kTogether, n - i); ++r) {
          leaves_out[(begin + i + r) * n_trees() + t] = static_cast<std::int32_t>(leaves[r]);
        }
      }
    }
  });
}

}  // namespace curvature
