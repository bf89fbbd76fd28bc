#include "tree/split_search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/profile.hpp"
#include "base/random.hpp"
#include "base/threads.hpp"

namespace curvature {

namespace {

// Below this share of a score, a difference of scores is rounding, not gain.
constexpr double kRounding = 1e-12;

double on_grid(double lambda) { return std::nearbyint(lambda / kLambdaGrid) * kLambdaGrid; }

}  // namespace

SplitSearch::SplitSearch(const BinnedMatrix& matrix, const HistogramLayout& layout, const BinMapper& mapper,
                         const TreeParams& params, bool hessian_is_weight, std::uint64_t min_weight)
    : matrix_(matrix),
      layout_(layout),
      params_(params),
      hessian_is_weight_(hessian_is_weight),
      min_weight_(std::max<std::uint64_t>(1, min_weight)),
      category_codes_(matrix.n_slots(), 0) {
  for (std::size_t slot = 0; slot < matrix.n_slots(); ++slot) {
    if (matrix.feature_of(slot) == BinnedMatrix::kNoFeature) continue;
    const auto feature = static_cast<std::size_t>(matrix.feature_of(slot));
    if (mapper.is_category(feature)) category_codes_[slot] = mapper.n_codes(feature);
    has_categories_ = has_categories_ || mapper.is_category(feature);
    if (mapper.n_codes(feature) + (matrix.has_missing(slot) ? 1 : 0) > 2) usable_slots_.push_back(slot);
  }
  std::sort(usable_slots_.begin(), usable_slots_.end(),
            [&](std::size_t a, std::size_t b) { return matrix.feature_of(a) < matrix.feature_of(b); });
  const double share = params.colsample_bynode * static_cast<double>(usable_slots_.size());
  const std::size_t end = layout.words.size() * kWordSlots;
  for (const std::size_t slot : usable_slots_) drawn_from_.push_back(static_cast<std::uint32_t>(std::min(slot, end)));
  n_drawn_ = std::min(usable_slots_.size(), static_cast<std::size_t>(std::max(1.0, std::round(share))));
}

void SplitSearch::begin_tree(const QuantizationScale& scale, double noise) {
  noise_ = noise;
  lambda_ = on_grid(params_.reg_lambda / scale.hessian);
  alpha_ = params_.reg_alpha / scale.gradient;
  double least = params_.min_child_weight;
  // On a step of at most 1 whole weights are whole steps, and the scan holds children to min_child_samples exactly.
  if (hessian_is_weight_ && scale.hessian <= 1) least = std::max(least, params_.min_child_samples);
  min_hessian_ = std::max(1.0, least / scale.hessian);
  // Where the squares of a huge or tiny y leave the range of a double, the gain does; the order of splits does not.
  gain_unit_ = 0.5 * scale.gradient * (scale.gradient / scale.hessian);
  min_rise_ = params_.min_split_gain > 0 ? params_.min_split_gain / gain_unit_ : 0;
}

kernel::ScanTask SplitSearch::scan_task(const NodeHistogram& histogram, Cell sum, std::size_t word) const {
  const Word& w = layout_.words[word];
  kernel::ScanTask task;
  static_cast<kernel::ScoredNode&>(task) = scored_node(sum);
  task.cells = histogram.cells.data() + w.offset;
  task.lines = w.lines;
  task.has_missing = w.has_missing;
  return task;
}

kernel::ScoredNode SplitSearch::scored_node(Cell sum) const {
  kernel::ScoredNode node;
  node.gradient = static_cast<double>(gradient_sum(sum));
  node.hessian = static_cast<double>(hessian_sum(sum));
  node.lambda = lambda_;
  node.alpha = alpha_;
  node.min_hessian = min_hessian_;
  return node;
}

void SplitSearch::scan_word(NodeHistogram& histogram, NodeTotal node, std::size_t word) const {
  histogram.word_scores[word] = -1;
  if (histogram.drawn[word] == 0) return;
  const std::size_t first = word * kWordSlots;
  const auto n_slots = static_cast<std::size_t>(layout_.words[word].slots);
  std::size_t n_categories = 0;
  for (std::size_t slot = first; has_categories_ && slot < first + n_slots; ++slot) n_categories += is_category(slot);
  const profile::Scope scope(Phase::scan, static_cast<std::size_t>(layout_.words[word].lines) * kWordSlots);
  if (n_categories < n_slots) scan_numbers(histogram, node, word);
  for (std::size_t slot = first; n_categories > 0 && slot < first + n_slots; ++slot) {
    if (is_category(slot)) scan_category(histogram, node, slot, {});
  }
  note_score(histogram, word);
}

void SplitSearch::scan_sparse_word(NodeHistogram& histogram, NodeTotal node, std::size_t word) const {
  histogram.word_scores[word] = -1;
  if (histogram.drawn[word] == 0) return;
  const profile::Scope scope(Phase::scan, static_cast<std::size_t>(layout_.words[word].lines) * kWordSlots);
  scan_numbers(histogram, node, word);
  for (std::size_t slot = word * kWordSlots; slot < (word + 1) * kWordSlots; ++slot) {
    const bool too_light = !histogram.weights.empty() && histogram.weights[slot] < min_weight_;
    if (too_light) histogram.splits[slot] = {};
  }
  note_score(histogram, word);
}

// The word of the highest bound first, until none may hold a split near the best that is known.
void SplitSearch::scan_promising(NodeHistogram& histogram, NodeTotal node) const {
  constexpr double kUnknown = std::numeric_limits<double>::infinity();
  std::vector<double>& bounds = histogram.word_bounds;
  if (bounds.empty()) return;
  const auto scan = [&](std::size_t word) {
    scan_sparse_word(histogram, node, word);
    bounds[word] = -1;
    return histogram.word_scores[word];
  };
  double highest = 0;
  for (const std::uint32_t word : histogram.live_words) {
    if (histogram.drawn[word] == 0) bounds[word] = -1;
    if (bounds[word] == kUnknown) scan(word);
    highest = std::max(highest, histogram.word_scores[word]);
  }
  for (;;) {
    std::size_t next = 0;
    double most = 0;
    for (const std::uint32_t word : histogram.live_words) {
      if (bounds[word] > most) most = bounds[word], next = word;
    }
    if (!(most > 0) || most < near_to(highest)) return;
    highest = std::max(highest, scan(next));
  }
}

// Of slots that are not drawn no split is kept.
void SplitSearch::note_score(NodeHistogram& histogram, std::size_t word) const {
  kernel::SlotSplit* const splits = histogram.splits.data() + word * kWordSlots;
  double score = -1;
  for (std::size_t lane = 0; lane < kWordSlots; ++lane) {
    if (!(histogram.drawn[word] >> lane & 1)) splits[lane].score = -1;
    score = std::max(score, splits[lane].score);
  }
  histogram.word_scores[word] = score;
}

void SplitSearch::scan_numbers(NodeHistogram& histogram, NodeTotal node, std::size_t word) const {
  const std::size_t first = word * kWordSlots;
  kernel::SlotSplit* splits = histogram.splits.data() + first;
  kernel::ScanTask task = scan_task(histogram, node.sum, word);
  kernel::CutRanges ranges;
  if (!histogram.counts.empty() && !layout_.words[word].wide) {
    const RowCount* counts = histogram.counts.data() + layout_.words[word].offset;
    const auto n_rows = static_cast<std::size_t>(node.weight);
    kernel::row_count_table().ranges({counts, task.cells, task.lines, n_rows, min_weight_}, ranges);
    task.ranges = &ranges;
  }
  kernel::LaneSplits lanes;
  kernel::split_scan_table().scan(task, lanes);
  for (std::size_t lane = 0; lane < kWordSlots; ++lane) {
    splits[lane] = {lanes.score[lane], lanes.bin[lane], lanes.missing_left[lane]};
  }
}

void SplitSearch::scan_slot(NodeHistogram& histogram, NodeTotal node, std::size_t slot,
                            const kernel::BinRange& range) const {
  if (is_category(slot)) {
    scan_category(histogram, node, slot, range);
  } else {
    const kernel::ScanTask task = scan_task(histogram, node.sum, slot / kWordSlots);
    const auto lane = static_cast<int>(slot % kWordSlots);
    histogram.splits[slot] = kernel::split_scan_table().scan_lane(task, lane, range);
  }
  note_score(histogram, slot / kWordSlots);
}

CategoryOrder SplitSearch::order(const NodeHistogram& histogram, NodeTotal node, std::size_t slot) const {
  const Word& word = layout_.words[slot / kWordSlots];
  const Cell* cells = histogram.cells.data() + cell_index(word, static_cast<int>(slot % kWordSlots), 0);
  return CategoryOrder(cells, category_codes_[slot], node);
}

// The kernel scans positions of the order as it scans bins; missing is a code like others.
void SplitSearch::scan_category(NodeHistogram& histogram, NodeTotal node, std::size_t slot,
                                const kernel::BinRange& range) const {
  const CategoryOrder positions = order(histogram, node, slot);
  AlignedBuffer<Cell> cells(static_cast<std::size_t>(positions.n_positions() + 1) * kWordSlots, 0);
  for (std::int32_t at = 1; at <= positions.n_positions(); ++at) {
    cells[static_cast<std::size_t>(at) * kWordSlots] = positions.sum(at);
  }
  kernel::ScanTask task = scan_task(histogram, node.sum, slot / kWordSlots);
  task.cells = cells.data();
  task.lines = positions.n_positions() + 1;
  task.has_missing = false;
  kernel::SlotSplit& split = histogram.splits[slot];
  split = kernel::split_scan_table().scan_lane(task, 0, range);
  const std::int32_t n_levels = positions.n_positions();
  if (n_levels > kCategoryRules.few_levels) split.score -= kCategoryRules.optimism * noise_ * (n_levels - 1);
}

// The codes of the winning cut's positions; those that the node has not seen follow the child of more curvature.
void SplitSearch::choose_codes(const NodeHistogram& histogram, NodeTotal node, SplitCandidate& candidate) const {
  const CategoryOrder positions = order(histogram, node, candidate.slot);
  const std::int32_t last_left = histogram.splits[candidate.slot].bin;
  candidate.left_sum = 0;
  for (std::int32_t at = 1; at <= last_left; ++at) candidate.left_sum += positions.sum(at);
  const bool unseen_left = 2 * hessian_sum(candidate.left_sum) >= hessian_sum(node.sum);
  candidate.codes = {last_left, unseen_left, {}};
  candidate.codes.left_codes.assign(static_cast<std::size_t>(category_codes_[candidate.slot]), unseen_left);
  for (std::int32_t at = 1; at <= positions.n_positions(); ++at) {
    for (const std::int32_t* code = positions.begin(at); code != positions.end(at); ++code) {
      candidate.codes.left_codes[static_cast<std::size_t>(*code)] = at <= last_left;
    }
  }
}

// A draw without replacement: the first n_drawn of a shuffle keyed by the node, the same in whatever order nodes grow.
// Half of a swap does, as places before the present one are not looked at again.
void SplitSearch::draw(std::uint64_t key, std::vector<std::uint8_t>& drawn) const {
  if (n_drawn_ == usable_slots_.size()) return;
  std::fill(drawn.begin(), drawn.end(), std::uint8_t{0});
  std::vector<std::uint32_t> order = drawn_from_;
  for (std::size_t i = 0; i < n_drawn_; ++i) {
    const auto rest = static_cast<std::uint32_t>(order.size() - i);
    const std::size_t place = i + bounded(child_key(key, i), rest);
    const std::uint32_t slot = std::exchange(order[place], order[i]);
    std::uint8_t& word = drawn[slot / kWordSlots];
    word = static_cast<std::uint8_t>(word | 1u << slot % kWordSlots);
  }
}

double SplitSearch::node_score(Cell sum) const {
  const double g = static_cast<double>(gradient_sum(sum));
  const double shrunk = std::max(std::abs(g) - alpha_, 0.0);
  return shrunk * shrunk / (static_cast<double>(hessian_sum(sum)) + lambda_);
}

Cell SplitSearch::left_sum(const NodeHistogram& histogram, std::size_t slot, const CodeSplit& codes) const {
  const Word& word = layout_.words[slot / kWordSlots];
  const auto lane = static_cast<int>(slot % kWordSlots);
  Cell sum = codes.missing_left ? histogram.cells[cell_index(word, lane, kMissingCode)] : 0;
  for (std::int32_t bin = 1; bin <= codes.bin; ++bin) sum += histogram.cells[cell_index(word, lane, bin)];
  return sum;
}

// Of the slots with lower scores none can decide which of the others is taken, as that would take a ladder of scores,
// each within rounding of the next: of two steps a slot.
double SplitSearch::near_to(double highest) const {
  return highest * (1 - 4 * kRounding * static_cast<double>(matrix_.n_slots()));
}

// Slots whose scores are near the highest, by feature.
std::vector<std::size_t> SplitSearch::best_slots(const NodeHistogram& histogram) const {
  const std::vector<double>& scores = histogram.word_scores;
  double highest = 0;
  for (const std::uint32_t word : histogram.live_words) highest = std::max(highest, scores[word]);
  const double near = near_to(highest);
  std::vector<std::size_t> slots;
  for (const std::size_t word : histogram.live_words) {
    if (!(near > 0 && scores[word] >= near)) continue;
    for (std::size_t slot = word * kWordSlots; slot < (word + 1) * kWordSlots; ++slot) {
      if (histogram.splits[slot].score >= near) slots.push_back(slot);
    }
  }
  std::sort(slots.begin(), slots.end(),
            [this](std::size_t a, std::size_t b) { return matrix_.feature_of(a) < matrix_.feature_of(b); });
  return slots;
}

bool SplitSearch::is_better(double score, double best_score) {
  return score > best_score * (1 + kRounding);  // mirrored columns are a tie
}

SplitCandidate SplitSearch::best(NodeHistogram& histogram, NodeTotal node) const {
  scan_promising(histogram, node);
  std::size_t slot = SplitCandidate::kNone;
  double best_score = 0;
  for (const std::size_t other : best_slots(histogram)) {
    if (!is_better(histogram.splits[other].score, best_score)) continue;
    best_score = histogram.splits[other].score;
    slot = other;
  }
  if (slot == SplitCandidate::kNone) return {};
  if (is_category(slot)) {
    SplitCandidate split = candidate(slot, best_score, {}, 0, true, node.sum);
    if (split.exists()) choose_codes(histogram, node, split);
    return split;
  }
  const CodeSplit codes{histogram.splits[slot].bin, histogram.splits[slot].missing_left, {}};
  const Word& word = layout_.words[slot / kWordSlots];
  const auto lane = static_cast<int>(slot % kWordSlots);
  const bool some_missing = histogram.cells[cell_index(word, lane, kMissingCode)] != 0;
  return candidate(slot, best_score, codes, left_sum(histogram, slot, codes), some_missing, node.sum);
}

SplitCandidate SplitSearch::candidate(std::size_t slot, double score, const CodeSplit& codes, Cell left_sum,
                                      bool some_missing, Cell sum) const {
  SplitCandidate split;
  split.rise = score - node_score(sum);
  if (!(split.rise > kRounding * score) || !(split.rise > min_rise_)) return {};
  split.gain = std::min(gain_unit_ * split.rise, std::numeric_limits<double>::max()) - params_.min_split_gain;
  split.slot = slot;
  split.codes = codes;
  split.left_sum = left_sum;
  if (!some_missing) split.codes.missing_left = 2 * hessian_sum(left_sum) >= hessian_sum(sum);
  return split;
}

}  // namespace curvature
