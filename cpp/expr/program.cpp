#include "expr/program.hpp"

#include <algorithm>
#include <cstring>
#include <unordered_map>

namespace curvature {
namespace {

constexpr std::size_t kLineRows = 8;  // block functions take multiples of this
constexpr std::size_t kCacheDoubles = 24 * 1024 / sizeof(double);
constexpr std::size_t kMinBlock = 16;
constexpr std::size_t kMaxBlock = 512;

std::size_t padded(std::size_t n) { return (n + kLineRows - 1) / kLineRows * kLineRows; }

// Slots are reused by the thread: a call of some hundred rows must not allocate.
double* workspace(std::size_t size) {
  thread_local AlignedBuffer<double> memory;
  if (memory.size() < size) memory = AlignedBuffer<double>(size);
  return memory.data();
}

double** pointers(std::size_t size) {
  thread_local std::vector<double*> memory;
  if (memory.size() < size) memory.resize(size);
  return memory.data();
}

}  // namespace

// Builds a program: which nodes are needed, which sigmoids come in pairs, and where each value lies.
class Program::Assembly {
 public:
  Assembly(Program& program, const Graph& graph, const std::vector<NodeId>& outputs, InstructionSet set)
      : program_(program), graph_(graph), set_(set), needed_(graph.needed(outputs)) {
    pair_sigmoids();
    mark_needed(outputs);
    place_leaves_and_outputs(outputs);
    count_uses();
    for (NodeId id = 0; id < graph.size(); ++id) {
      if (needed_[id] && arity(graph[id].operation) > 0 && !is_mirrored(id)) emit(id);
    }
    program.n_registers_ = n_registers_;
    number_slots();
  }

 private:
  // Values are placed before it is known how many registers there are: a kind and an index, numbered at the end.
  enum class Kind : std::uint8_t { none, variable, output, register_, number };
  struct Place {
    Kind kind = Kind::none;
    std::uint32_t index = 0;
  };
  struct Placed {
    Place inputs[kMaxArity], out, mirrored;
  };

  [[nodiscard]] bool is_mirrored(NodeId id) const {
    const auto found = partner_.find(id);
    return found != partner_.end() && found->second < id;
  }
  [[nodiscard]] bool leads_pair(NodeId id) const {
    const auto found = partner_.find(id);
    return found != partner_.end() && found->second > id;
  }

  // expit(x) and expit(-x) share an exponential: the earlier one computes both.
  void pair_sigmoids() {
    std::vector<NodeId> sigmoids;
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (needed_[id] && graph_[id].operation == Operation::expit) sigmoids.push_back(id);
    }
    // Opposites share an argument, or are each other's: looked up by the smallest node either is made of.
    std::unordered_map<NodeId, std::vector<NodeId>> by_root;
    for (const NodeId id : sigmoids) {
      for (const NodeId other : by_root[root(graph_[id].arguments[0])]) {
        if (partner_.count(other) || !opposite(graph_, graph_[other].arguments[0], graph_[id].arguments[0])) continue;
        partner_[other] = id;
        partner_[id] = other;
        break;
      }
      by_root[root(graph_[id].arguments[0])].push_back(id);
    }
  }

  [[nodiscard]] NodeId root(NodeId id) const {
    const Node& node = graph_[id];
    if (node.operation == Operation::negative) return root_of_plain(node.arguments[0]);
    return root_of_plain(id);
  }
  [[nodiscard]] NodeId root_of_plain(NodeId id) const {
    const Node& node = graph_[id];
    if (node.operation == Operation::subtract) return std::min(node.arguments[0], node.arguments[1]);
    if (node.operation == Operation::multiply && graph_.number(node.arguments[0])) return node.arguments[1];
    return id;
  }

  // The arguments that the node is computed from: a pair needs one of the two, the plain one where there is a choice.
  [[nodiscard]] std::array<NodeId, kMaxArity> arguments(NodeId id) const {
    const Node& node = graph_[id];
    if (is_mirrored(id)) return {partner_.at(id), kNoNode, kNoNode};
    if (!leads_pair(id)) return node.arguments;
    return {pair_argument(id), kNoNode, kNoNode};
  }
  [[nodiscard]] NodeId pair_argument(NodeId id) const {
    const NodeId own = graph_[id].arguments[0];
    return graph_[own].operation == Operation::negative ? graph_[own].arguments[0] : own;
  }

  void mark_needed(const std::vector<NodeId>& outputs) {
    std::fill(needed_.begin(), needed_.end(), false);
    for (const NodeId output : outputs) needed_[output] = true;
    for (NodeId id = static_cast<NodeId>(graph_.size()); id-- > 0;) {
      if (!needed_[id]) continue;
      for (const NodeId argument : arguments(id)) {
        if (argument != kNoNode) needed_[argument] = true;
      }
    }
  }

  void place_leaves_and_outputs(const std::vector<NodeId>& outputs) {
    places_.resize(graph_.size());
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (!needed_[id]) continue;
      if (graph_[id].operation == Operation::variable) program_.variables_.push_back(graph_[id].variable);
    }
    auto& variables = program_.variables_;
    std::sort(variables.begin(), variables.end());
    variables.erase(std::unique(variables.begin(), variables.end()), variables.end());
    for (NodeId id = 0; id < graph_.size(); ++id) {
      const Node& node = graph_[id];
      if (!needed_[id] || node.operation != Operation::variable) continue;
      const auto at = std::lower_bound(variables.begin(), variables.end(), node.variable) - variables.begin();
      places_[id] = {Kind::variable, static_cast<std::uint32_t>(at)};
    }
    program_.n_outputs_ = outputs.size();
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      const Place place{Kind::output, static_cast<std::uint32_t>(k)};
      const Operation operation = graph_[outputs[k]].operation;
      if (operation == Operation::constant) place_number(outputs[k]);
      if (places_[outputs[k]].kind == Kind::none) {
        places_[outputs[k]] = place;  // computed where it is wanted
      } else {
        copies_.push_back({places_[outputs[k]], place});
      }
    }
  }

  void place_number(NodeId id) {
    if (places_[id].kind != Kind::none) return;
    places_[id] = {Kind::number, static_cast<std::uint32_t>(numbers_.size())};
    numbers_.push_back(graph_[id].value);
  }

  void count_uses() {
    uses_.resize(graph_.size(), 0);
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (!needed_[id]) continue;
      for (const NodeId argument : arguments(id)) {
        if (argument != kNoNode) ++uses_[argument];
      }
    }
  }

  // One use less; a register nobody waits for is free again.
  void release(NodeId id) {
    if (--uses_[id] == 0 && places_[id].kind == Kind::register_) free_.push_back(places_[id].index);
  }

  void place_result(NodeId id) {
    if (places_[id].kind != Kind::none) return;
    if (free_.empty()) free_.push_back(n_registers_++);
    places_[id] = {Kind::register_, free_.back()};
    free_.pop_back();
  }

  void emit(NodeId id) {
    const Node& node = graph_[id];
    const auto inputs = arguments(id);
    const std::size_t n_inputs = arity(node.operation);
    Instruction instruction;
    Placed placed;
    const bool pair = leads_pair(id);
    if (!pair) instruction.run = choose(node);
    for (std::size_t i = 0; i < n_inputs; ++i) {
      if (graph_.number(inputs[i])) place_number(inputs[i]);
      placed.inputs[i] = places_[inputs[i]];
    }
    for (std::size_t i = 0; i < n_inputs; ++i) release(inputs[i]);  // before the result: it may take their place
    place_result(id);
    placed.out = places_[id];
    if (pair) {
      const NodeId mirrored = partner_.at(id);
      // The sign may be the other way round when the negated argument was left out.
      const bool flipped = pair_argument(id) != node.arguments[0];
      place_result(mirrored);
      placed.mirrored = places_[mirrored];
      if (flipped) std::swap(placed.out, placed.mirrored);
      release(id);  // the mirrored one was counted as a use
    }
    program_.instructions_.push_back(instruction);
    placed_.push_back(placed);
  }

  // A number beside a block has a loop of its own.
  [[nodiscard]] BlockRun choose(const Node& node) const {
    const BlockFunction& function = block_function(node.operation, set_);
    if (arity(node.operation) == 2) {
      if (graph_.number(node.arguments[0]) && function.constant_left) return function.constant_left;
      if (graph_.number(node.arguments[1]) && function.constant_right) return function.constant_right;
    }
    return function.run;
  }

  void number_slots() {
    const std::size_t outputs = program_.variables_.size();
    const std::size_t registers = outputs + program_.n_outputs_;
    const std::size_t numbers = registers + n_registers_;
    const auto slot = [&](Place place) {
      const std::size_t first = place.kind == Kind::output      ? outputs
                                : place.kind == Kind::register_ ? registers
                                : place.kind == Kind::number    ? numbers
                                                                : 0;
      return static_cast<Slot>(first + place.index);
    };
    for (std::size_t i = 0; i < placed_.size(); ++i) {
      Instruction& instruction = program_.instructions_[i];
      for (std::size_t k = 0; k < kMaxArity; ++k) instruction.inputs[k] = slot(placed_[i].inputs[k]);
      instruction.out = slot(placed_[i].out);
      instruction.mirrored = slot(placed_[i].mirrored);
    }
    for (const auto& [from, to] : copies_) program_.copies_.push_back({slot(from), slot(to)});
    const std::size_t live = numbers + numbers_.size();
    const std::size_t rows = kCacheDoubles / std::max<std::size_t>(live, 1) / kLineRows * kLineRows;
    program_.block_rows_ = std::clamp(rows, kMinBlock, kMaxBlock);
    program_.n_numbers_ = numbers_.size();
    program_.numbers_ = AlignedBuffer<double>(numbers_.size() * program_.block_rows_);
    for (std::size_t k = 0; k < numbers_.size(); ++k) {
      std::fill_n(program_.numbers_.data() + k * program_.block_rows_, program_.block_rows_, numbers_[k]);
    }
  }

  Program& program_;
  const Graph& graph_;
  InstructionSet set_;
  std::vector<bool> needed_;
  std::unordered_map<NodeId, NodeId> partner_;
  std::vector<Place> places_;
  std::vector<std::uint32_t> uses_;
  std::vector<std::uint32_t> free_;
  std::uint32_t n_registers_ = 0;
  std::vector<double> numbers_;
  std::vector<Placed> placed_;
  std::vector<std::pair<Place, Place>> copies_;
};

Program::Program(const Graph& graph, const std::vector<NodeId>& outputs, InstructionSet set)
    : sigmoid_pair_(block_function_table(set).sigmoid_pair) {
  for (const NodeId output : outputs) graph.require(output);
  Assembly(*this, graph, outputs, set);
}

void Program::run_block(double* const* slots, std::size_t n) const {
  for (const Instruction& one : instructions_) {
    const double* x = slots[one.inputs[0]];
    if (one.run) {
      one.run(x, slots[one.inputs[1]], slots[one.inputs[2]], slots[one.out], n);
    } else {
      sigmoid_pair_(x, slots[one.out], slots[one.mirrored], n);
    }
  }
  for (const Copy& copy : copies_) std::memcpy(slots[copy.to], slots[copy.from], n * sizeof(double));
}

void Program::run(const double* const* variables, std::size_t begin, std::size_t n, double* const* outputs) const {
  const std::size_t n_variables = variables_.size();
  const std::size_t n_ends = n_variables + n_outputs_;  // slots that change from block to block
  const std::size_t n_slots = n_ends + n_registers_ + n_numbers_;
  double** slots = pointers(n_slots);
  double* memory = workspace((n_registers_ + n_ends) * block_rows_);
  double* const ends = memory + n_registers_ * block_rows_;
  for (std::size_t k = 0; k < n_registers_; ++k) slots[n_ends + k] = memory + k * block_rows_;
  for (std::size_t k = 0; k < n_numbers_; ++k) {
    // Slots are written where they are registers or outputs only.
    slots[n_ends + n_registers_ + k] = const_cast<double*>(numbers_.data() + k * block_rows_);
  }
  for (std::size_t first = 0; first < n; first += block_rows_) {
    const std::size_t rows = std::min(block_rows_, n - first);
    const std::size_t whole = padded(rows);
    const bool in_place = whole == rows;
    for (std::size_t k = 0; k < n_variables; ++k) {
      const double* column = variables[variables_[k]] + begin + first;
      slots[k] = in_place ? const_cast<double*>(column) : ends + k * block_rows_;
      if (in_place) continue;
      std::copy_n(column, rows, slots[k]);
      std::fill_n(slots[k] + rows, whole - rows, column[rows - 1]);  // a row that exists: no odd numbers arise
    }
    for (std::size_t k = n_variables; k < n_ends; ++k) {
      slots[k] = in_place ? outputs[k - n_variables] + first : ends + k * block_rows_;
    }
    run_block(slots, whole);
    if (in_place) continue;
    for (std::size_t k = n_variables; k < n_ends; ++k) std::copy_n(slots[k], rows, outputs[k - n_variables] + first);
  }
}

}  // namespace curvature
