#include "tree/grower.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "base/profile.hpp"
#include "base/random.hpp"
#include "base/threads.hpp"
#include "tree/noise.hpp"

namespace curvature {
namespace {

// A node's work is counted in updates: its rows by the slots, and the cells of two children to scan. From kTeamWork on,
// a team shares the rows of one node; below, its words, or where they are too few for all, several nodes are dealt out
// whole; below kRegionWork, to meet costs more than it saves.
constexpr std::size_t kTeamWork = std::size_t{1} << 19;
constexpr std::size_t kRegionWork = 20'000;

constexpr std::uint64_t kSample = ~std::uint64_t{0};  // the stream of a tree's sample; columns are drawn by places
constexpr double kMostGain = std::numeric_limits<double>::max();

NodeHistogram* take(NodeHistogram*& histogram) { return std::exchange(histogram, nullptr); }

// The least total weight of a leaf, in steps of the partition.
std::uint64_t least_weight(const RowPartition& partition, const TreeParams& params) {
  constexpr double kMost = 0x1p62;  // more than any total weight: nothing splits
  return static_cast<std::uint64_t>(std::min(std::ceil(params.min_child_samples * partition.steps_per_unit()), kMost));
}

}  // namespace

Grower::Grower(const BinnedMatrix& matrix, const BinMapper& mapper, const TreeParams& params, const double* weights,
               bool hessian_is_weight, int threads)
    : matrix_(matrix),
      mapper_(mapper),
      params_(params.of_sample()),
      threads_(threads),
      weights_(weights),
      partition_(matrix.n_rows(), weights),
      min_weight_(least_weight(partition_, params_)),
      layout_(searched_words(matrix, partition_, min_weight_)),
      search_(matrix, layout_, mapper, params_, hessian_is_weight, min_weight_),
      small_(SmallGrower::make(matrix, mapper, params_, search_, weights, min_weight_)),
      builder_(matrix, layout_, partition_, threads),
      counts_rows_(counts_rows(matrix, weights, hessian_is_weight, min_weight_)),
      sparse_words_(matrix, layout_, builder_, search_, min_weight_, counts_rows_),
      pool_(layout_, matrix.is_sparse(), counts_rows_, matrix.bytes()) {}

bool Grower::comes_before(std::size_t a, std::size_t b) const {
  const Node& x = nodes_[a];
  const Node& y = nodes_[b];
  if (params_.grow_policy == GrowPolicy::depthwise && x.depth != y.depth) return x.depth < y.depth;
  if (x.split.rise != y.split.rise) return x.split.rise > y.split.rise;
  return x.rank < y.rank;
}

bool Grower::may_split(const Node& node) const {
  return node.rows.size >= 2 && (params_.max_depth == 0 || node.depth < params_.max_depth) &&
         node.weight / 2 >= min_weight_ && search_.splittable(node.sum);
}

GrownTree Grower::grow(const Cell* pairs, const QuantizationScale& scale, std::uint64_t key, const KnownRoot& known) {
  pairs_ = pairs;
  double noise = known.noise;
  if (search_.has_categories() && !known.histograms) {
    noise = noise_of({pairs}, matrix_.n_rows(), weights_, threads_).front();
  }
  search_.begin_tree(scale, noise);
  if (small_) return small_->grow(pairs, key);
  plant(key, known);
  OpenNodes open_nodes(OpenOrder{this});
  open(0, open_nodes);
  const std::size_t most_leaves =
      params_.max_leaves > 0 ? static_cast<std::size_t>(params_.max_leaves) : std::numeric_limits<std::size_t>::max();
  for (std::size_t n_leaves = 1; n_leaves < most_leaves && !open_nodes.empty();) {
    const std::size_t first = *open_nodes.begin();
    if (nodes_[first].left == kNoNode) {
      expand_ahead(open_nodes, most_leaves - n_leaves);
      continue;
    }
    open_nodes.erase(open_nodes.begin());
    nodes_[first].committed = true;
    ++n_leaves;
    open(nodes_[first].left, open_nodes);
    open(nodes_[first].left + 1, open_nodes);
  }
  for (Node& node : nodes_) {
    take_back(node.histogram);
    const bool forgotten = node.left != kNoNode && !node.committed;
    if (forgotten) partition_.rejoin({nodes_[node.left].rows, nodes_[node.left + 1].rows});
  }
  return collect();
}

void Grower::plant(std::uint64_t key, const KnownRoot& known) {
  nodes_.clear();
  next_rank_ = 0;
  Node root;
  root.key = key;
  root.rows = is_sampled() ? partition_.reset_to_sample(params_.structure_sample, child_key(key, kSample), threads_)
                           : partition_.reset(threads_);
  root.weight = partition_.weight(root.rows);
  if (layout_.words.empty()) {  // no split is to be searched
    nodes_.push_back(root);
    return;
  }
  root.histogram = pool_.acquire(true);
  if (matrix_.is_sparse()) sparse_words_.begin(*root.histogram, nullptr);
  const int threads = work(root) < kRegionWork ? 1 : threads_;
  root.sum = known.histograms ? known.histograms->take(known.tree, *root.histogram) : build(root, nullptr, threads);
  if (may_split(root)) evaluate(root, threads);
  nodes_.push_back(root);
}

void Grower::open(std::size_t node, OpenNodes& open_nodes) {
  nodes_[node].rank = next_rank_++;
  if (nodes_[node].split.exists()) open_nodes.insert(node);
}

std::size_t Grower::work(const Node& node) const { return node.rows.size * matrix_.codes_a_row() + 2 * layout_.cells; }

std::vector<std::size_t> Grower::next_to_expand(const OpenNodes& open_nodes, std::size_t n_splits_left) const {
  std::vector<std::size_t> batch{*open_nodes.begin()};
  const std::size_t first_work = work(nodes_[batch[0]]);
  const auto team = static_cast<std::size_t>(threads_);
  const bool words_for_all = !matrix_.is_sparse() && builder_.ranges(threads_).size() >= team;
  if (words_for_all || threads_ == 1 || first_work >= kTeamWork || first_work < kRegionWork) return batch;
  // Of the leaves that are open now, hardly more than the first half of those still to be split will be among them.
  const std::size_t most = std::min(team, (n_splits_left + 1) / 2);
  for (auto at = std::next(open_nodes.begin()); at != open_nodes.end() && batch.size() < most; ++at) {
    if (nodes_[*at].left == kNoNode && work(nodes_[*at]) < kTeamWork) batch.push_back(*at);
  }
  return batch;
}

void Grower::expand_ahead(OpenNodes& open_nodes, std::size_t n_splits_left) {
  const std::vector<std::size_t> batch = next_to_expand(open_nodes, n_splits_left);
  std::vector<Spares> spares;
  for (const std::size_t node : batch) open_nodes.erase(node);
  for (const std::size_t node : batch) spares.push_back(lend(nodes_[node], open_nodes));
  std::vector<Expansion> expansions(batch.size());
  const int threads_a_node = batch.size() == 1 && work(nodes_[batch[0]]) >= kRegionWork ? threads_ : 1;
  parallel_for(batch.size(), threads_, [&](std::size_t i, int) {
    // The children of the tree's last split will not be split: they need no histogram.
    expansions[i] = expand(nodes_[batch[i]], spares[i], n_splits_left > 1, threads_a_node);
  });
  for (std::size_t i = 0; i < batch.size(); ++i) {
    for (NodeHistogram*& spare : spares[i]) take_back(spare);
    Node& node = nodes_[batch[i]];
    if (expansions[i].made || !node.split.exists()) take_back(node.histogram);
    if (node.split.exists()) {
      if (expansions[i].made) {
        node.left = nodes_.size();
        for (Node* child : {&expansions[i].left, &expansions[i].right}) {
          if (!child->split.exists()) take_back(child->histogram);
          nodes_.push_back(*child);
        }
      }
      open_nodes.insert(batch[i]);
    }
  }
}

Grower::Expansion Grower::expand(Node& node, Spares& spares, bool evaluate, int threads) {
  Expansion children;
  // By a sparse slot's few rows: their order must stay as it is, and to look at them costs less than to part all rows.
  if (matrix_.is_sparse() && !sparse_words_.leaves_enough(node.histogram, node.weight, node.split)) {
    std::vector<std::uint64_t> weights = weights_by_code(node);
    if (leaves_too_little(node, weights)) {
      restrict_split(node, std::move(weights), spares, threads);
      return children;
    }
  }
  const RowPartition::Parts parts = partition_.split(node.rows, matrix_, node.split.slot, node.split.codes, threads);
  children.left.rows = parts.left;
  children.right.rows = parts.right;
  children.left.weight = partition_.weight(children.left.rows);
  children.right.weight = node.weight - children.left.weight;
  if (children.left.weight < min_weight_ || children.right.weight < min_weight_) {
    partition_.rejoin(parts);
    restrict_split(node, weights_by_code(node), spares, threads);
    return children;
  }
  children.made = true;
  children.left.sum = node.split.left_sum;
  children.right.sum = node.sum - node.split.left_sum;
  children.left.depth = children.right.depth = node.depth + 1;
  children.left.key = child_key(node.key, 0);
  children.right.key = child_key(node.key, 1);
  if (evaluate) evaluate_children(node, children, spares, threads);
  return children;
}

void Grower::evaluate_children(Node& node, Expansion& children, Spares& spares, int threads) {
  Node& smaller = children.left.rows.size <= children.right.rows.size ? children.left : children.right;
  Node& larger = &smaller == &children.left ? children.right : children.left;
  const bool need_larger = may_split(larger);
  const bool need_smaller = may_split(smaller);
  if (!need_larger && !need_smaller) return;
  if (matrix_.is_sparse() && node.histogram && !need_smaller) {
    larger.histogram = take(node.histogram);
    builder_.take_out(pairs_, partition_.rows(smaller.rows), smaller.rows.size, *larger.histogram);
    return evaluate(larger, threads);
  }
  smaller.histogram = take(spares[0]);
  const NodeHistogram* const parent = node.histogram;
  const bool subtracted = need_larger && node.histogram;
  if (need_larger) larger.histogram = subtracted ? take(node.histogram) : take(spares[1]);
  if (need_larger) search_.draw(larger.key, larger.histogram->drawn);
  if (need_smaller) search_.draw(smaller.key, smaller.histogram->drawn);
  // While a word's cells are near.
  const auto subtract_and_scan = [&](std::size_t word) {
    if (subtracted) builder_.subtract(word, *larger.histogram, *smaller.histogram);
    if (need_larger) search_.scan_word(*larger.histogram, total(larger), word);
    if (need_smaller) search_.scan_word(*smaller.histogram, total(smaller), word);
  };
  if (!matrix_.is_sparse() && (threads == 1 || work(smaller) < kTeamWork)) {
    const std::vector<HistogramBuilder::WordRange>& ranges = builder_.ranges(threads);
    parallel_for(ranges.size(), threads, [&](std::size_t i, int) {
      fill(smaller, ranges[i]);
      if (need_larger && !subtracted) fill(larger, ranges[i]);
      for (std::size_t word = ranges[i].first; word < ranges[i].last; ++word) subtract_and_scan(word);
    });
  } else {
    build(smaller, parent, threads);
    if (need_larger && !subtracted) build(larger, nullptr, threads);
    if (matrix_.is_sparse()) {
      const SparseWords::Node none;
      const SparseWords::Node sister = need_larger ? in_words(larger) : none;
      sparse_words_.search(in_words(smaller, need_smaller), subtracted ? sister : none, threads);
      if (need_larger && !subtracted) sparse_words_.search(sister, none, threads);
    } else {
      parallel_for(layout_.words.size(), threads, [&](std::size_t word, int) { subtract_and_scan(word); });
    }
  }
  if (need_larger) choose_split(larger);
  if (need_smaller) choose_split(smaller);
}

// `parent`: of a sparse node, whose words are looked at; null: all are.
Cell Grower::build(Node& node, const NodeHistogram* parent, int threads) {
  if (matrix_.is_sparse()) sparse_words_.begin(*node.histogram, parent);
  return builder_.build(pairs_, partition_.rows(node.rows), node.rows.size, *node.histogram, threads);
}

void Grower::fill(Node& node, HistogramBuilder::WordRange words) {
  builder_.fill(words, pairs_, partition_.rows(node.rows), node.rows.size, *node.histogram);
}

void Grower::evaluate(Node& node, int threads) {
  search_.draw(node.key, node.histogram->drawn);
  if (matrix_.is_sparse()) {
    sparse_words_.search(in_words(node), {}, threads);
    return choose_split(node);
  }
  builder_.count(partition_.rows(node.rows), node.rows.size, *node.histogram);
  parallel_for(layout_.words.size(), threads,
               [&](std::size_t word, int) { search_.scan_word(*node.histogram, total(node), word); });
  choose_split(node);
}

void Grower::choose_split(Node& node) { node.split = search_.best(*node.histogram, total(node)); }

SparseWords::Node Grower::in_words(const Node& node, bool searched) const {
  return {node.histogram, total(node), node.rows.size, searched};
}

NodeTotal Grower::total(const Node& node) const {
  return {node.sum, static_cast<double>(node.weight) / partition_.steps_per_unit()};
}

// The node's split leaves a child too light. Hessians do not tell weights, so those of that one slot's codes are looked
// at, its cuts are held to those with two heavy enough children, and the node takes the best split that is left.
void Grower::restrict_split(Node& node, std::vector<std::uint64_t> weights, Spares& spares, int threads) {
  if (!node.histogram) {
    node.histogram = take(spares[0]);
    build(node, nullptr, threads);
    evaluate(node, threads);
  }
  search_.scan_slot(*node.histogram, total(node), node.split.slot, heavy_enough(node, std::move(weights)));
  node.split = search_.best(*node.histogram, total(node));
}

bool Grower::leaves_too_little(const Node& node, const std::vector<std::uint64_t>& weights) const {
  const CodeSplit& codes = node.split.codes;
  const auto first = weights.begin() + 1;
  const std::uint64_t left =
      std::accumulate(first, first + codes.bin, codes.missing_left ? weights[kMissingCode] : std::uint64_t{0});
  return left < min_weight_ || node.weight - left < min_weight_;
}

std::vector<std::uint64_t> Grower::weights_by_code(const Node& node) const {
  const auto feature = static_cast<std::size_t>(matrix_.feature_of(node.split.slot));
  const auto n_codes = static_cast<std::size_t>(mapper_.n_codes(feature));
  return partition_.weights_by_code(node.rows, node.weight, matrix_, node.split.slot, n_codes);
}

// The cuts of the slot that the node wanted to split whose children both weigh enough.
kernel::BinRange Grower::heavy_enough(const Node& node, std::vector<std::uint64_t> weights) const {
  const std::size_t slot = node.split.slot;
  const bool category = search_.is_category(slot);
  if (category) {  // by position. Rows whose gradients add up to nothing have none and may go to either side
    const CategoryOrder order = search_.order(*node.histogram, total(node), slot);
    std::vector<std::uint64_t> by_position(static_cast<std::size_t>(order.n_positions()) + 1, 0);
    for (std::int32_t at = 1; at <= order.n_positions(); ++at) {
      std::for_each(order.begin(at), order.end(at), [&](std::int32_t code) {
        by_position[static_cast<std::size_t>(at)] += weights[static_cast<std::size_t>(code)];
      });
    }
    weights = std::move(by_position);
  }
  const auto last_bin = static_cast<std::int32_t>(weights.size()) - 1;
  const auto weight = [&](std::int32_t bin) { return weights[static_cast<std::size_t>(bin)]; };
  kernel::BinRange range;
  for (const int side : {0, 1}) {
    std::uint64_t left = side == 1 ? weight(kMissingCode) : 0;
    std::uint64_t right = side == 0 ? weight(kMissingCode) : 0;
    std::int32_t first = 1, last = last_bin;
    while (first <= last_bin && (left += weight(first)) < min_weight_) ++first;
    for (; last > 0 && right < min_weight_; --last) right += weight(last);
    range.first[side] = first;
    range.last[side] = last;
  }
  if (category) return range;
  // Where the missing values seen here add up to nothing, either side may be chosen for them: both must be allowed.
  const Word& word = layout_.words[slot / kWordSlots];
  const auto lane = static_cast<int>(slot % kWordSlots);
  if (node.histogram->cells[cell_index(word, lane, kMissingCode)] == 0) {
    range.first[0] = range.first[1] = std::max(range.first[0], range.first[1]);
    range.last[0] = range.last[1] = std::min(range.last[0], range.last[1]);
  }
  return range;
}

Grower::Spares Grower::lend(const Node& node, const OpenNodes& open_nodes) {
  Spares spares{};
  const std::size_t wanted = node.histogram ? 1 : 2;
  for (std::size_t i = 0; i < wanted; ++i) {
    spares[i] = pool_.acquire();
    if (spares[i]) continue;
    // The last of the open nodes is the least likely to be split; if it is, its children are built from rows.
    const auto victim = std::find_if(open_nodes.rbegin(), open_nodes.rend(),
                                     [this](std::size_t other) { return nodes_[other].histogram != nullptr; });
    if (victim != open_nodes.rend()) take_back(nodes_[*victim].histogram);
    spares[i] = pool_.acquire(true);
  }
  return spares;
}

void Grower::take_back(NodeHistogram*& histogram) { pool_.release(take(histogram)); }

void Grower::send_rows(GrownTree& tree, std::uint32_t* leaves) {
  const std::vector<std::uint64_t> weights =
      curvature::send_rows(routes_, tree.leaves.size(), matrix_, partition_, threads_, leaves);
  std::vector<std::uint64_t> covers(routes_.size());
  for (std::size_t node = routes_.size(); node-- > 0;) {  // children come behind their parents
    const std::size_t next = routes_[node].next;
    covers[node] = routes_[node].split ? covers[next] + covers[next + 1] : weights[next];
    tree.nodes.cover[node] = static_cast<double>(covers[node]) / partition_.steps_per_unit();
    tree.nodes.gain[node] = std::min(tree.nodes.gain[node] / params_.structure_sample, kMostGain);
  }
}

GrownTree Grower::collect() {
  routes_.clear();
  return GrownTree::level_by_level(nodes_.size(), [this](GrownTree& tree, std::size_t number, std::size_t left) {
    const Node& node = nodes_[number];
    const double weight = static_cast<double>(node.weight) / partition_.steps_per_unit();
    if (!node.committed) {
      routes_.push_back({nullptr, tree.leaves.size()});
      tree.append_leaf(weight, node.rows);
      return std::size_t{0};
    }
    routes_.push_back({&node.split, left});
    tree.append_split(weight, node.split, matrix_.feature_of(node.split.slot), mapper_, left);
    return node.left;
  });
}

}  // namespace curvature
