#include "expr/text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace curvature {
namespace {

// How tightly an expression binds; what binds less than its place asks for is put in parentheses.
enum Binding { kLoose, kOr, kAnd, kNot, kComparison, kSum, kProduct, kFactor, kPower, kAtom };

constexpr std::size_t kLongText = 24;  // shared parts longer than this get a name

std::string number_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value);
  return {digits, end.ptr};
}

// k where value is 1 / k rounded and reads better so: 0.3333333333333333 is 1 / 3. Otherwise 0.
double whole_reciprocal(double value) {
  const double k = std::round(1 / value);
  return k > 2 && k <= 1000 && value == 1 / k && number_text(value).size() > 8 ? k : 0;
}

const char* infix(Operation operation) {
  switch (operation) {
    case Operation::add:
      return " + ";
    case Operation::subtract:
      return " - ";
    case Operation::multiply:
      return " * ";
    case Operation::divide:
      return " / ";
    case Operation::power:
      return "^";
    case Operation::less:
      return " < ";
    case Operation::less_equal:
      return " <= ";
    case Operation::equal:
      return " == ";
    case Operation::not_equal:
      return " != ";
    case Operation::and_:
      return " and ";
    case Operation::or_:
      return " or ";
    default:
      return nullptr;
  }
}

class Printer {
 public:
  Printer(const Graph& graph, const std::vector<NodeId>& nodes, const std::vector<std::string>& names)
      : graph_(graph), names_(names), needed_(graph.needed(nodes)) {
    name_shared_parts(nodes);
    for (const NodeId node : nodes) text_.values.push_back(expression(node));
    for (const NodeId node : shared_) text_.definitions.push_back(labels_[node] + " = " + expression(node));
  }

  FormulaText take() { return std::move(text_); }

 private:
  // Either words or a node that must bind at least so tightly.
  struct Piece {
    std::string words;
    NodeId node = kNoNode;
    Binding least = kLoose;
  };

  void name_shared_parts(const std::vector<NodeId>& nodes) {
    std::vector<std::size_t> uses(graph_.size(), 0), length(graph_.size(), 1);
    for (const NodeId node : nodes) uses[node] = 1;
    for (NodeId id = 0; id < graph_.size(); ++id) {
      for (std::size_t i = 0; needed_[id] && i < arity(graph_[id].operation); ++i) ++uses[graph_[id].arguments[i]];
    }
    labels_.resize(graph_.size());
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (!needed_[id]) continue;
      const Node& node = graph_[id];
      const std::size_t n_arguments = arity(node.operation);
      if (n_arguments == 0) {
        length[id] = leaf(node).size();
        continue;
      }
      length[id] = infix(node.operation) ? 3 : 2 + std::string_view(name(node.operation)).size();
      for (std::size_t i = 0; i < n_arguments; ++i) length[id] += length[node.arguments[i]];
      if (uses[id] < 2 || length[id] <= kLongText) continue;
      labels_[id] = next_label();
      length[id] = labels_[id].size();
      shared_.push_back(id);
    }
  }

  // a, b, …, z, a1, b1, … without the names of variables.
  std::string next_label() {
    std::string label;
    do {
      label = std::string(1, static_cast<char>('a' + n_labels_ % 26));
      if (n_labels_ >= 26) label += std::to_string(n_labels_ / 26);
      ++n_labels_;
    } while (std::find(names_.begin(), names_.end(), label) != names_.end());
    return label;
  }

  [[nodiscard]] std::string leaf(const Node& node) const {
    if (node.operation == Operation::constant) return number_text(node.value);
    if (node.variable < names_.size()) return names_[node.variable];
    return "x[" + std::to_string(node.variable) + "]";
  }

  [[nodiscard]] bool negative_number(NodeId id) const {
    const auto value = graph_.number(id);
    return value && std::signbit(*value);
  }

  [[nodiscard]] Binding binding(NodeId id) const {
    const Node& node = graph_[id];
    switch (node.operation) {
      case Operation::constant:
        return negative_number(id) ? kSum : kAtom;
      case Operation::or_:
        return kOr;
      case Operation::and_:
        return kAnd;
      case Operation::not_:
        return kNot;
      case Operation::less:
      case Operation::less_equal:
      case Operation::equal:
      case Operation::not_equal:
        return kComparison;
      case Operation::negative:
      case Operation::add:
      case Operation::subtract:
        return kSum;
      case Operation::multiply:
      case Operation::divide:
        return negative_number(node.arguments[0]) ? kSum : kProduct;
      case Operation::reciprocal:
        return kProduct;
      case Operation::square:
      case Operation::power:
        return kPower;
      default:
        return kAtom;
    }
  }

  // Depth first with a stack of its own: formulas may be deeper than the machine's stack.
  std::string expression(NodeId top) const {
    std::string out;
    std::vector<Piece> open = pieces(top);
    std::reverse(open.begin(), open.end());
    while (!open.empty()) {
      const Piece piece = std::move(open.back());
      open.pop_back();
      if (piece.node == kNoNode) {
        out += piece.words;
      } else if (!labels_[piece.node].empty()) {
        out += labels_[piece.node];
      } else {
        const bool enclosed = binding(piece.node) < piece.least;
        if (enclosed) open.push_back({")"});
        const std::vector<Piece> inner = pieces(piece.node);
        open.insert(open.end(), inner.rbegin(), inner.rend());
        if (enclosed) open.push_back({"("});
      }
    }
    return out;
  }

  [[nodiscard]] std::vector<Piece> pieces(NodeId id) const {
    const Node& node = graph_[id];
    const auto [a, b, c] = node.arguments;
    const auto tighter = [](Binding of) { return static_cast<Binding>(of + 1); };
    switch (node.operation) {
      case Operation::constant:
      case Operation::variable:
        return {{leaf(node)}};
      case Operation::negative:
        if (const auto swapped = swapped_quotient(a); !swapped.empty()) return swapped;
        return {{"-"}, {"", a, kProduct}};
      case Operation::not_:
        return {{"not "}, {"", a, kComparison}};
      case Operation::reciprocal:
        return {{"1 / "}, {"", a, kFactor}};
      case Operation::square:
        return {{"", a, kAtom}, {"^2"}};
      case Operation::power:
        return {{"", a, kAtom}, {"^"}, {"", b, kAtom}};
      case Operation::add:
        if (negative_number(b)) return {{"", a, kSum}, {" - " + number_text(-*graph_.number(b))}};
        return {{"", a, kSum}, {" + "}, {"", b, tighter(kSum)}};
      case Operation::multiply:
        if (const auto value = graph_.number(a)) {
          if (const double k = whole_reciprocal(std::abs(*value)); k != 0) {
            return {{*value < 0 ? "-" : ""}, {"", b, kProduct}, {" / " + number_text(k)}};
          }
          return {{number_text(*value) + " * "}, {"", b, kProduct}};
        }
        return {{"", a, kProduct}, {" * "}, {"", b, kProduct}};
      case Operation::divide:
        if (const auto value = graph_.number(a)) return {{number_text(*value) + " / "}, {"", b, kFactor}};
        return {{"", a, kProduct}, {" / "}, {"", b, kFactor}};
      default:
        break;
    }
    const Binding own = binding(id);
    if (const char* sign = infix(node.operation)) {
      const bool chains = own == kSum || own == kAnd || own == kOr;  // a - b - c; comparisons do not chain
      return {{"", a, chains ? own : tighter(own)}, {sign}, {"", b, tighter(own)}};
    }
    std::vector<Piece> call{{std::string(name(node.operation)) + "("}};
    for (std::size_t i = 0; i < arity(node.operation); ++i) {
      if (i > 0) call.push_back({", "});
      call.push_back({"", node.arguments[i], kLoose});
    }
    call.push_back({")"});
    return call;
  }

  // -((x - y) / z) reads better as (y - x) / z.
  [[nodiscard]] std::vector<Piece> swapped_quotient(NodeId id) const {
    const Node& quotient = graph_[id];
    if (quotient.operation != Operation::divide || !labels_[id].empty()) return {};
    const Node& above = graph_[quotient.arguments[0]];
    if (above.operation != Operation::subtract || !labels_[quotient.arguments[0]].empty()) return {};
    const auto [x, y, none] = above.arguments;
    return {{"("}, {"", y, kSum}, {" - "}, {"", x, kProduct}, {") / "}, {"", quotient.arguments[1], kFactor}};
  }

  const Graph& graph_;
  const std::vector<std::string>& names_;
  std::vector<bool> needed_;
  std::vector<NodeId> shared_;
  std::vector<std::string> labels_;  // empty: printed in full
  std::size_t n_labels_ = 0;
  FormulaText text_;
};

}  // namespace

FormulaText text(const Graph& graph, const std::vector<NodeId>& nodes, const std::vector<std::string>& names) {
  return Printer(graph, nodes, names).take();
}

}  // namespace curvature
