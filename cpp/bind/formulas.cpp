// Formulas: the graph that Python traces into, and its evaluation.
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <pybind11/stl.h>

#include "bind/array.hpp"
#include "bind/register.hpp"
#include "expr/derivative.hpp"
#include "expr/program.hpp"
#include "expr/text.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

NodeId apply(Graph& graph, const std::string& name, const py::args& nodes) {
  const auto operation = operation_named(name);
  if (!operation) throw InputError(sentence("operation '", name, "' is not known."));
  if (nodes.size() > kMaxArity)
    throw InputError(sentence("operation '", name, "' does not take ", nodes.size(), " nodes."));
  NodeId ids[kMaxArity] = {kNoNode, kNoNode, kNoNode};
  for (std::size_t i = 0; i < nodes.size(); ++i) ids[i] = nodes[i].cast<NodeId>();
  for (std::size_t i = 0; i < nodes.size(); ++i) graph.require(ids[i]);
  return graph.apply(*operation, ids[0], ids[1], ids[2]);
}

// A number that JSON can hold.
py::object number_entry(double value) {
  if (std::isfinite(value)) return py::float_(value);
  return py::str(std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
}

// The places of the nodes that the outputs need, in the list of only those.
std::vector<NodeId> positions_of_needed(const Graph& graph, const std::vector<NodeId>& outputs) {
  const std::vector<bool> needed = graph.needed(outputs);
  std::vector<NodeId> positions(graph.size(), kNoNode);
  NodeId n = 0;
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (needed[id]) positions[id] = n++;
  }
  return positions;
}

std::vector<NodeId> positions(const Graph& graph, const std::vector<NodeId>& outputs) {
  const std::vector<NodeId> all = positions_of_needed(graph, outputs);
  std::vector<NodeId> own;
  for (const NodeId output : outputs) own.push_back(all[output]);
  return own;
}

py::list nodes(const Graph& graph, const std::vector<NodeId>& outputs) {
  const std::vector<NodeId> place = positions_of_needed(graph, outputs);
  py::list list;
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (place[id] == kNoNode) continue;
    const Node& node = graph[id];
    py::list entry;
    entry.append(name(node.operation));
    if (node.operation == Operation::constant) entry.append(number_entry(node.value));
    if (node.operation == Operation::variable) entry.append(node.variable);
    for (std::size_t i = 0; i < arity(node.operation); ++i) entry.append(place[node.arguments[i]]);
    list.append(entry);
  }
  return list;
}

// One entry of a file, which may hold anything.
class NodeEntry {
 public:
  NodeEntry(std::size_t position, const py::handle& entry) : position_(position) {
    if (!py::isinstance<py::list>(entry) || py::len(entry) < 2) refuse("is not a list of a name and its arguments");
    entry_ = py::reinterpret_borrow<py::list>(entry);
    if (!py::isinstance<py::str>(entry_[0])) refuse("does not begin with a name");
  }

  [[nodiscard]] Node node() const {
    const auto name = entry_[0].cast<std::string>();
    Node node;
    if (name == "constant" || name == "variable") {
      require_arguments(name, 1);
      if (name == "constant") {
        node.value = number();
      } else {
        node.operation = Operation::variable;
        node.variable = static_cast<std::uint32_t>(whole(1, Graph::kMaxNodes, "variables"));
      }
      return node;
    }
    const auto operation = operation_named(name);
    if (!operation) refuse(sentence("names '", name, "', which is no operation"));
    node.operation = *operation;
    require_arguments(name, arity(*operation));
    for (std::size_t i = 0; i < arity(*operation); ++i) {
      node.arguments[i] = static_cast<NodeId>(whole(i + 1, position_, "nodes before it"));
    }
    return node;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw ModelError(sentence("the formula's node ", position_, " ", what, "."));
  }

  void require_arguments(const std::string& name, std::size_t n) const {
    if (entry_.size() - 1 != n) refuse(sentence("gives '", name, "' ", entry_.size() - 1, " arguments; it takes ", n));
  }

  [[nodiscard]] std::size_t whole(std::size_t at, std::size_t end, const char* of_what) const {
    const py::handle given = entry_[at];
    const bool is_whole = PyLong_Check(given.ptr()) != 0 && PyBool_Check(given.ptr()) == 0;
    int overflow = 0;
    const long long value = is_whole ? PyLong_AsLongLongAndOverflow(given.ptr(), &overflow) : -1;
    if (!is_whole || overflow != 0 || value < 0 || static_cast<unsigned long long>(value) >= end) {
      refuse(sentence("has an argument that is not one of the ", end, " ", of_what));
    }
    return static_cast<std::size_t>(value);
  }

  [[nodiscard]] double number() const {
    const py::handle given = entry_[1];
    if (py::isinstance<py::str>(given)) {
      const auto word = given.cast<std::string>();
      if (word == "inf") return HUGE_VAL;
      if (word == "-inf") return -HUGE_VAL;
      if (word == "nan") return std::numeric_limits<double>::quiet_NaN();
    } else if (PyFloat_Check(given.ptr()) != 0 || (PyLong_Check(given.ptr()) != 0 && PyBool_Check(given.ptr()) == 0)) {
      const double value = PyFloat_AsDouble(given.ptr());
      if (PyErr_Occurred() == nullptr && std::isfinite(value)) return value;
      PyErr_Clear();
    }
    refuse("is not a finite number, 'inf', '-inf' or 'nan'");
  }

  std::size_t position_;
  py::list entry_;
};

std::shared_ptr<Graph> from_nodes(const py::object& list) {
  if (!py::isinstance<py::list>(list)) throw ModelError("the formula's nodes are not a list.");
  if (py::len(list) > Graph::kMaxNodes) {
    throw ModelError(sentence("the formula has ", py::len(list), " nodes; ", Graph::kMaxNodes, " are allowed."));
  }
  std::vector<Node> nodes;
  for (const py::handle entry : list) nodes.push_back(NodeEntry(nodes.size(), entry).node());
  return std::make_shared<Graph>(nodes);
}

std::vector<std::string> texts(const Graph& graph, const std::vector<NodeId>& nodes,
                               const std::vector<std::string>& names) {
  FormulaText text = curvature::text(graph, nodes, names);
  text.values.insert(text.values.end(), text.definitions.begin(), text.definitions.end());
  return text.values;
}

// Of the rows from `begin` on.
py::list evaluate(const Graph& graph, const std::vector<NodeId>& outputs, const std::vector<DoubleArray>& variables,
                  const std::string& isa, std::size_t begin) {
  const Program program(graph, outputs, isa.empty() ? instruction_set() : instruction_set_named(isa.c_str()));
  const std::size_t n_rows = variables.empty() ? 1 : static_cast<std::size_t>(variables[0].size());
  if (begin > n_rows) throw InputError(sentence("begin=", begin, " must be at most the number of rows, ", n_rows, "."));
  std::vector<const double*> columns;
  for (const DoubleArray& variable : variables) {
    require_length(variable, n_rows, "variables[i]");
    columns.push_back(variable.data());
  }
  if (!program.variables().empty() && program.variables().back() >= columns.size()) {
    throw InputError(sentence("variables has ", columns.size(), " arrays, but the formula uses variable ",
                              program.variables().back(), "."));
  }
  py::list results;
  std::vector<double*> to;
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    py::array_t<double> result(static_cast<py::ssize_t>(n_rows - begin));
    to.push_back(result.mutable_data());
    results.append(result);
  }
  const py::gil_scoped_release release;
  program.run(columns.data(), begin, n_rows - begin, to.data());
  return results;
}

}  // namespace

void register_formulas(py::module_& module) {
  using Nodes = std::vector<NodeId>;
  py::class_<Graph, std::shared_ptr<Graph>>(module, "Graph", "Formulas as one graph of shared nodes.")
      .def(py::init<>())
      .def_static("from_nodes", &from_nodes, py::arg("nodes"), "The graph of such a list, kept as it is.")
      .def("constant", &Graph::constant, py::arg("value"))
      .def("variable", &Graph::variable, py::arg("index"))
      .def("apply", &apply, py::arg("name"), "operation(*nodes), simplified.")
      .def(
          "derivative",
          [](Graph& graph, NodeId node, std::uint32_t variable) {
            graph.require(node);
            return derivative(graph, node, variable);
          },
          py::arg("node"), py::arg("variable"))
      .def("text", &texts, py::arg("nodes"), py::arg("names"),
           "One string a node, then the definitions 'a = …' of long parts that they share.")
      .def("nodes", &nodes, py::arg("outputs"), "What the outputs need, as lists of a name and its arguments.")
      .def("positions", &positions, py::arg("outputs"), "Where the outputs stand in nodes(outputs).")
      .def(
          "variables", [](const Graph& graph, NodeId node) { return Program(graph, {node}).variables(); },
          py::arg("node"))
      .def(
          "is_constant",
          [](const Graph& graph, NodeId node) {
            graph.require(node);
            return graph.number(node);
          },
          py::arg("node"), "Its value where the node is a number, else None.")
      .def_property_readonly("size", &Graph::size)
      .def(
          "instructions",
          [](const Graph& graph, const Nodes& outputs) { return Program(graph, outputs).n_instructions(); },
          py::arg("outputs"), "How many block functions evaluate the outputs.")
      .def("evaluate", &evaluate, py::arg("outputs"), py::arg("variables"), py::arg("isa") = "", py::arg("begin") = 0);
  module.def("operations", [] {
    py::dict operations;
    for (std::size_t i = 0; i < kOperations; ++i) {
      const OperationTraits& one = traits(static_cast<Operation>(i));
      if (one.arity > 0) operations[one.name] = one.arity;
    }
    return operations;
  });
}

}  // namespace curvature
