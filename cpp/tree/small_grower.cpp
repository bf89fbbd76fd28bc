#include "tree/small_grower.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "base/profile.hpp"
#include "base/random.hpp"

namespace curvature {
namespace {

// Of more rows, histograms cost less than bits; of more cells, two threads do.
constexpr std::size_t kMostRows = 1024;
constexpr std::size_t kMostCells = 50'000;
constexpr std::size_t kWordBits = 64;
static_assert(kMostRows <= kernel::kMostPlaces);

std::size_t n_words(std::size_t n_rows) { return (n_rows + kWordBits - 1) / kWordBits; }

}  // namespace

std::unique_ptr<SmallGrower> SmallGrower::make(const BinnedMatrix& matrix, const BinMapper& mapper,
                                               const TreeParams& params, const SplitSearch& search,
                                               const double* weights, std::uint64_t min_rows) {
  const bool plain = !matrix.is_sparse() && !weights && !search.has_categories() && !(params.reg_alpha > 0) &&
                     params.structure_sample == 1;
  if (!plain || matrix.n_narrow_words() < matrix.layout().words.size() || search.usable_slots().empty()) return nullptr;
  if (matrix.n_rows() > kMostRows || matrix.n_rows() * matrix.codes_a_row() > kMostCells) return nullptr;
  return std::make_unique<SmallGrower>(matrix, mapper, params, search, min_rows);
}

SmallGrower::SmallGrower(const BinnedMatrix& matrix, const BinMapper& mapper, const TreeParams& params,
                         const SplitSearch& search, std::uint64_t min_rows)
    : matrix_(matrix),
      mapper_(mapper),
      params_(params),
      search_(search),
      min_rows_(min_rows),
      slots_(search.usable_slots()),
      n_columns_(slots_.size()),
      n_rows_(matrix.n_rows()),
      stride_(n_words(n_rows_) * kWordBits),
      codes_(n_columns_ * stride_),
      row_at_(n_columns_ * stride_),
      bit_of_(n_columns_ * n_rows_),
      has_missing_(n_columns_),
      drawn_(matrix.layout().words.size() + 1, 0xff),
      searched_(n_columns_),
      held_(n_columns_),
      scratch_(n_columns_, n_rows_),
      cuts_(n_columns_),
      rows_(n_rows_),
      pairs_(n_columns_ * stride_) {
  sort_rows();
}

void SmallGrower::sort_rows() {
  const kernel::AccumulateTask all = matrix_.accumulate_task(0, matrix_.n_narrow_words());
  for (std::size_t c = 0; c < n_columns_; ++c) {
    has_missing_[c] = matrix_.has_missing(slots_[c]);
    const auto* const codes = static_cast<const std::uint8_t*>(all.codes) + slots_[c];
    std::array<std::size_t, 257> next{};  // place of a code's next row
    for (std::size_t row = 0; row < n_rows_; ++row) ++next[codes[row * all.row_stride] + std::size_t{1}];
    std::partial_sum(next.begin(), next.end(), next.begin());
    for (std::size_t row = 0; row < n_rows_; ++row) {
      const std::uint8_t code = codes[row * all.row_stride];
      const std::size_t place = next[code]++;
      codes_[c * stride_ + place] = code;
      row_at_[c * stride_ + place] = static_cast<kernel::Place>(row);
      bit_of_[row * n_columns_ + c] = static_cast<std::uint32_t>(c * n_words(n_rows_) * kWordBits + place);
    }
  }
}

GrownTree SmallGrower::grow(const Cell* pairs, std::uint64_t key) {
  plant(pairs, key);
  const std::size_t most_leaves =
      params_.max_leaves > 0 ? static_cast<std::size_t>(params_.max_leaves) : std::numeric_limits<std::size_t>::max();
  for (std::size_t n_leaves = 1; n_leaves < most_leaves && !open_.empty(); ++n_leaves) {
    std::pop_heap(open_.begin(), open_.end(), [this](std::size_t a, std::size_t b) { return comes_after(a, b); });
    const std::size_t node = open_.back();
    open_.pop_back();
    // The children of the tree's last split will not be split.
    split(node, n_leaves + 1 < most_leaves);
    open(nodes_[node].left);
    open(nodes_[node].left + 1);
  }
  for (const std::size_t node : open_) give_back(nodes_[node]);
  return collect();
}

void SmallGrower::plant(const Cell* pairs, std::uint64_t key) {
  nodes_.clear();
  open_.clear();
  next_rank_ = 0;
  Node root;
  root.rows = {n_rows_};
  root.key = key;
  std::iota(rows_.data(), rows_.data() + n_rows_, RowIndex{0});
  root.sum = std::accumulate(pairs, pairs + n_rows_, Cell{0});
  {
    const profile::Scope scope(Phase::accumulate, n_rows_ * n_columns_);
    for (std::size_t at = 0; at < n_columns_ * stride_; at += stride_) {
      for (std::size_t place = at; place < at + n_rows_; ++place) pairs_[place] = pairs[row_at_[place]];
    }
  }
  if (may_split(root)) {
    root.members = take_members();
    Members& members = members_[root.members];
    for (std::size_t c = 0; c < n_columns_; ++c) {
      const auto own = members.begin() + static_cast<std::ptrdiff_t>(c * n_words(n_rows_));
      std::fill_n(own, n_words(n_rows_), ~std::uint64_t{0});
      if (n_rows_ % kWordBits > 0)
        own[static_cast<std::ptrdiff_t>(n_rows_ / kWordBits)] >>= kWordBits - n_rows_ % kWordBits;
    }
    search(root);
  }
  nodes_.push_back(root);
  open(0);
}

bool SmallGrower::comes_after(std::size_t a, std::size_t b) const {
  const Node& x = nodes_[a];
  const Node& y = nodes_[b];
  if (params_.grow_policy == GrowPolicy::depthwise && x.depth != y.depth) return x.depth > y.depth;
  if (x.split.rise != y.split.rise) return x.split.rise < y.split.rise;
  return x.rank > y.rank;
}

bool SmallGrower::may_split(const Node& node) const {
  return node.rows.size >= 2 && (params_.max_depth == 0 || node.depth < params_.max_depth) &&
         node.rows.size / 2 >= min_rows_ && search_.splittable(node.sum);
}

void SmallGrower::open(std::size_t node) {
  nodes_[node].rank = next_rank_++;
  if (!nodes_[node].split.exists()) return;
  open_.push_back(node);
  std::push_heap(open_.begin(), open_.end(), [this](std::size_t a, std::size_t b) { return comes_after(a, b); });
}

std::uint32_t SmallGrower::take_members() {
  if (free_members_.empty()) {
    free_members_.push_back(static_cast<std::uint32_t>(members_.size()));
    members_.emplace_back(n_columns_ * n_words(n_rows_));
  }
  const std::uint32_t members = free_members_.back();
  free_members_.pop_back();
  return members;
}

void SmallGrower::give_back(Node& node) {
  if (node.members != kNoMembers) free_members_.push_back(node.members);
  node.members = kNoMembers;
}

void SmallGrower::split(std::size_t node, bool search_children) {
  Node& parent = nodes_[node];
  write_rows(parent);
  Node left, right;
  left.rows = {parent.n_left(), parent.rows.begin};
  right.rows = {parent.rows.size - parent.n_left(), parent.rows.begin + parent.n_left()};
  left.sum = parent.split.left_sum;
  right.sum = parent.sum - parent.split.left_sum;
  left.depth = right.depth = parent.depth + 1;
  left.key = child_key(parent.key, 0);
  right.key = child_key(parent.key, 1);
  if (search_children && (may_split(left) || may_split(right))) {
    part_members(parent, left, right);
    for (Node* child : {&left, &right}) {
      if (may_split(*child)) search(*child);
      if (!child->split.exists()) give_back(*child);
    }
  }
  give_back(parent);
  parent.left = nodes_.size();
  nodes_.push_back(left);
  nodes_.push_back(right);
}

// Those of the left child first.
void SmallGrower::write_rows(const Node& node) {
  const profile::Scope scope(Phase::partition, node.rows.size);
  const std::uint64_t* members = members_[node.members].data() + node.column * n_words(n_rows_);
  const kernel::Place* places = scratch_.places();
  kernel::sorted_scan_table().list(members, n_words(n_rows_), scratch_.places());
  const kernel::Place* row_at = row_at_.data() + node.column * stride_;
  RowIndex* out = rows_.data() + node.rows.begin;
  const auto write = [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) *out++ = row_at[places[i]];
  };
  const std::size_t n_first = node.split.codes.missing_left ? 0 : node.n_missing;
  write(n_first, node.n_before);
  write(0, n_first);
  write(node.n_before, node.rows.size);
}

// The smaller child's bits from its rows, the larger one's are the others of the parent.
void SmallGrower::part_members(Node& parent, Node& left, Node& right) {
  Node& smaller = left.rows.size <= right.rows.size ? left : right;
  Node& larger = &smaller == &left ? right : left;
  const profile::Scope scope(Phase::partition, smaller.rows.size);
  smaller.members = take_members();
  larger.members = parent.members;
  parent.members = kNoMembers;
  std::uint64_t* const own = members_[smaller.members].data();
  std::uint64_t* const others = members_[larger.members].data();
  const std::size_t n_all_words = n_columns_ * n_words(n_rows_);
  std::fill_n(own, n_all_words, 0);
  const RowIndex* const rows = rows_.data() + smaller.rows.begin;
  kernel::sorted_scan_table().mark({bit_of_.data(), n_columns_, rows, smaller.rows.size, own});
  for (std::size_t i = 0; i < n_all_words; ++i) others[i] ^= own[i];
}

void SmallGrower::search(Node& node) {
  const profile::Scope scope(Phase::scan, node.rows.size * n_columns_);
  std::fill_n(held_.data(), n_columns_, false);
  search_.draw(node.key, drawn_);
  for (std::size_t c = 0; c < n_columns_; ++c) {
    searched_[c] = (drawn_[slots_[c] / kWordSlots] >> slots_[c] % kWordSlots & 1) != 0;
  }
  while (!choose(node)) held_[node.column] = true;
}

// False where the node's split leaves a child too few rows, as the side of missing values was chosen after its cut.
bool SmallGrower::choose(Node& node) {
  kernel::SortedScanTask task;
  static_cast<kernel::ScoredNode&>(task) = search_.scored_node(node.sum);
  task.columns = {n_columns_, n_rows_, stride_, n_words(n_rows_), pairs_.data(), codes_.data(), has_missing_.data()};
  task.members = members_[node.members].data();
  task.n_members = node.rows.size;
  task.least = std::max<std::size_t>(1, min_rows_);
  task.searched = searched_.data();
  task.held = held_.data();
  task.scratch = &scratch_;
  kernel::sorted_scan_table().scan(task, cuts_.data());
  double best_score = 0;
  std::size_t best = n_columns_;
  for (std::size_t c = 0; c < n_columns_; ++c) {
    if (!SplitSearch::is_better(cuts_[c].score, best_score)) continue;
    best_score = cuts_[c].score;
    best = c;
  }
  node.split = {};
  if (best == n_columns_) return true;
  const kernel::SortedCut& cut = cuts_[best];
  const CodeSplit codes{cut.bin, cut.missing_left, {}};
  node.split = search_.candidate(slots_[best], best_score, codes, cut.left_sum, cut.missing_sum != 0, node.sum);
  node.column = best;
  node.n_missing = cut.n_missing;
  node.n_before = cut.n_before;
  return !node.split.exists() || (node.n_left() >= min_rows_ && node.rows.size - node.n_left() >= min_rows_);
}

GrownTree SmallGrower::collect() const {
  return GrownTree::level_by_level(nodes_.size(), [this](GrownTree& tree, std::size_t number, std::size_t left) {
    const Node& node = nodes_[number];
    const auto weight = static_cast<double>(node.rows.size);
    if (node.left == 0) {
      tree.append_leaf(weight, node.rows);
    } else {
      tree.append_split(weight, node.split, matrix_.feature_of(node.split.slot), mapper_, left);
    }
    return node.left;
  });
}

}  // namespace curvature
