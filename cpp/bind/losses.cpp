#include <algorithm>
#include <memory>
#include <optional>

#include <pybind11/stl.h>

#include "base/processors.hpp"
#include "bind/array.hpp"
#include "bind/array_loss.hpp"
#include "bind/fit_input.hpp"
#include "bind/register.hpp"
#include "loss/formula.hpp"
#include "loss/named.hpp"
#include "loss/quantile.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

using Columns = std::vector<DoubleArray>;

InstructionSet set_of(const std::string& isa) {
  return isa.empty() ? instruction_set() : instruction_set_named(isa.c_str());
}

NamedValues named_values(const py::dict& given) {
  NamedValues values;
  for (const auto& [key, value] : given) {
    const auto name = py::str(key).cast<std::string>();
    const double number = PyBool_Check(value.ptr()) ? -1 : PyFloat_AsDouble(value.ptr());
    if (PyBool_Check(value.ptr()) || PyErr_Occurred()) {
      PyErr_Clear();
      throw InputError(sentence(name, "=", py::repr(value).cast<std::string>(), " must be a number."));
    }
    values.emplace_back(name, number);
  }
  return values;
}

std::vector<const double*> pointers(const Columns& columns, std::size_t wanted, std::size_t n, const char* name) {
  if (columns.size() != wanted) {
    throw InputError(sentence(name, " must be a list of ", wanted, " arrays, got ", columns.size(), "."));
  }
  std::vector<const double*> found;
  for (const DoubleArray& column : columns) {
    require_length(column, n, name);
    found.push_back(column.data());
  }
  return found;
}

// The columns and scores of a call, block by block.
class Rows {
 public:
  Rows(const Loss& loss, const Columns& columns, const Columns& scores)
      : n_rows_(columns.empty() ? 0 : static_cast<std::size_t>(columns[0].size())),
        columns_(pointers(columns, loss.info().n_columns, n_rows_, "columns")),
        scores_(pointers(scores, loss.info().n_outputs, n_rows_, "scores")) {}

  [[nodiscard]] std::size_t size() const { return n_rows_; }
  [[nodiscard]] const double* const* scores() const { return scores_.data(); }
  template <class Visit>
  void for_each_block(Visit&& visit) const {
    constexpr std::size_t kBlock = 1024;
    for (std::size_t begin = 0; begin < n_rows_; begin += kBlock) {
      visit(LossRows{columns_.data(), scores_.data(), begin, std::min(kBlock, n_rows_ - begin)});
    }
  }

 private:
  std::size_t n_rows_;
  std::vector<const double*> columns_;
  std::vector<const double*> scores_;
};

py::array_t<double> loss_values(const Loss& loss, const Columns& columns, const Columns& scores) {
  if (!loss.info().has_values) throw InputError(sentence("loss '", loss.info().name, "' has derivatives only."));
  const Rows rows(loss, columns, scores);
  py::array_t<double> out(static_cast<py::ssize_t>(rows.size()));
  double* to = out.mutable_data();
  const py::gil_scoped_release unlocked;
  rows.for_each_block([&](const LossRows& block) { loss.values(block, to + block.begin); });
  return out;
}

// A row for each pair of outputs l < k, shape (pairs, rows).
py::array_t<double> loss_mixed_derivatives(const Loss& loss, const Columns& columns, const Columns& scores) {
  const LossInfo& info = loss.info();
  if (info.n_outputs > 1 && !info.has_mixed_derivatives) {
    throw InputError(sentence("loss '", info.name, "' of ", info.n_outputs, " scores has no mixed derivatives."));
  }
  const Rows rows(loss, columns, scores);
  const std::size_t n_pairs = info.n_outputs * (info.n_outputs - 1) / 2;
  py::array_t<double> out(std::vector<std::size_t>{n_pairs, rows.size()});
  double* to = out.mutable_data();
  const py::gil_scoped_release unlocked;
  std::vector<double*> pairs(n_pairs);
  rows.for_each_block([&](const LossRows& block) {
    for (std::size_t pair = 0; pair < n_pairs; ++pair) pairs[pair] = to + pair * rows.size() + block.begin;
    loss.mixed_derivatives(block, pairs.data());
  });
  return out;
}

// Where the pairs of a call go: an array of shape (2, outputs, rows), that of the caller if there is one.
py::array_t<double> pairs_array(const py::object& out, std::size_t n_outputs, std::size_t n_rows) {
  const std::vector<py::ssize_t> shape{2, static_cast<py::ssize_t>(n_outputs), static_cast<py::ssize_t>(n_rows)};
  if (out.is_none()) return py::array_t<double>(shape);
  if (py::array_t<double, py::array::c_style>::check_(out)) {
    auto array = py::reinterpret_borrow<py::array_t<double>>(out);
    if (array.ndim() == 3 && std::equal(shape.begin(), shape.end(), array.shape()) && array.writeable()) return array;
  }
  throw InputError(
      sentence("out must be a writeable C-contiguous float64 array of shape (2, ", n_outputs, ", ", n_rows, ")."));
}

// Gradients and Hessians (or curvatures), each of shape (outputs, rows), by compute(rows, gradients, Hessians).
template <class Compute>
py::tuple loss_pairs(Loss& loss, const Columns& columns, const Columns& scores, const py::object& out,
                     Compute&& compute) {
  const Rows rows(loss, columns, scores);
  const std::size_t n_outputs = loss.info().n_outputs;
  py::array_t<double> pairs = pairs_array(out, n_outputs, rows.size());
  double* const first[] = {pairs.mutable_data(), pairs.mutable_data() + n_outputs * rows.size()};
  {
    const py::gil_scoped_release unlocked;
    loss.prepare(rows.scores(), rows.size());
    std::vector<double*> to[2];
    rows.for_each_block([&](const LossRows& block) {
      for (int which : {0, 1}) {
        to[which].clear();
        for (std::size_t k = 0; k < n_outputs; ++k) to[which].push_back(first[which] + k * rows.size() + block.begin);
      }
      compute(block, to[0].data(), to[1].data());
    });
  }
  const std::vector<std::size_t> shape{n_outputs, rows.size()};
  return py::make_tuple(py::array_t<double>(shape, first[0], pairs), py::array_t<double>(shape, first[1], pairs));
}

py::tuple loss_derivatives(Loss& loss, const Columns& columns, const Columns& scores, const py::object& out) {
  return loss_pairs(loss, columns, scores, out,
                    [&](const LossRows& rows, double* const* gradients, double* const* hessians) {
                      loss.derivatives(rows, gradients, hessians);
                    });
}

py::tuple loss_steps(Loss& loss, const Columns& columns, const Columns& scores) {
  return loss_pairs(loss, columns, scores, py::none(),
                    [&](const LossRows& rows, double* const* gradients, double* const* curvatures) {
                      loss.steps(rows, gradients, curvatures);
                    });
}

// The steps as they come back from their packed form.
py::tuple loss_unpacked_steps(Loss& loss, const Columns& columns, const Columns& scores) {
  if (!loss.info().packs_steps) throw InputError(sentence("loss '", loss.info().name, "' does not pack its steps."));
  return loss_pairs(loss, columns, scores, py::none(),
                    [&](const LossRows& rows, double* const* gradients, double* const* curvatures) {
                      const std::size_t n_outputs = loss.info().n_outputs;
                      std::vector<double> packed(n_outputs * rows.size);
                      std::vector<double*> to;
                      for (std::size_t k = 0; k < n_outputs; ++k) to.push_back(packed.data() + k * rows.size);
                      loss.pack_steps(rows, to.data());
                      for (std::size_t k = 0; k < n_outputs; ++k)
                        loss.unpack_steps(rows, k, to[k], gradients[k], curvatures[k]);
                    });
}

py::array_t<double> start_scores(const Loss& loss, const Columns& columns, const std::optional<DoubleArray>& weights,
                                 int n_jobs, const Columns& offsets, double absent_weight) {
  LossTable table;
  table.n_rows = columns.empty() ? 0 : static_cast<std::size_t>(columns[0].size());
  table.columns = pointers(columns, loss.info().n_columns, table.n_rows, "columns");
  if (weights) {
    require_length(*weights, table.n_rows, "weights");
    table.weights = weights->data();
  }
  table.offsets = offset_columns(offsets, loss, table.n_rows);
  table.absent_weight = absent_weight;
  std::vector<double> scores;
  {
    const py::gil_scoped_release unlocked;
    scores = loss.start_scores(table, resolve_threads(n_jobs));
  }
  return to_array(scores);
}

py::dict as_dict(const Domain& domain) {
  py::dict row;
  row["low"] = domain.low;
  row["high"] = domain.high;
  row["low_open"] = domain.low_open;
  row["whole"] = domain.whole;
  row["two_labels"] = domain.two_labels;
  return row;
}

py::list known_loss_table() {
  py::list rows;
  for (const KnownLoss& known : known_losses()) {
    py::list parameters;
    for (const LossParameter& parameter : known.parameters) {
      py::dict row;
      row["name"] = parameter.name;
      row["default"] = parameter.default_value;
      row["allowed"] = parameter.allowed;
      row["doc"] = parameter.doc;
      parameters.append(row);
    }
    py::dict row;
    row["name"] = known.info.name;
    row["link"] = name(known.info.link);
    row["domain"] = as_dict(known.info.domain);
    row["leaf_rule"] = name(known.info.leaf_rule);
    row["fits"] = known.info.fits;
    row["parameters"] = parameters;
    rows.append(row);
  }
  return rows;
}

double quantile_of(const DoubleArray& values, const std::optional<DoubleArray>& weights, double level, double width) {
  auto own = to_vector<double>(values);
  if (!weights) return weighted_quantile(own.data(), nullptr, own.size(), level, width);
  require_length(*weights, own.size(), "weights");
  auto own_weights = to_vector<double>(*weights);
  return weighted_quantile(own.data(), own_weights.data(), own.size(), level, width);
}

}  // namespace

void register_losses(py::module_& module) {
  const auto property = [](auto member) { return [member](const Loss& loss) { return loss.info().*member; }; };
  py::class_<Loss, std::shared_ptr<Loss>>(module, "Loss")
      .def_property_readonly("name", property(&LossInfo::name))
      .def_property_readonly("n_columns", property(&LossInfo::n_columns))
      .def_property_readonly("n_outputs", property(&LossInfo::n_outputs))
      .def_property_readonly("unit_curvature", property(&LossInfo::unit_curvature))
      .def_property_readonly("of_residual", property(&LossInfo::of_residual))
      .def_property_readonly("has_values", property(&LossInfo::has_values))
      .def_property_readonly("fits", property(&LossInfo::fits))
      .def_property_readonly("quantile_level", property(&LossInfo::quantile_level))
      .def_property_readonly("insensitive_width", property(&LossInfo::insensitive_width))
      .def_property_readonly("link", [](const Loss& loss) { return name(loss.info().link); })
      .def_property_readonly("leaf_rule", [](const Loss& loss) { return name(loss.info().leaf_rule); })
      .def_property_readonly("domain", [](const Loss& loss) { return as_dict(loss.info().domain); })
      .def("values", &loss_values, py::arg("columns"), py::arg("scores"))
      .def("derivatives", &loss_derivatives, py::arg("columns"), py::arg("scores"), py::arg("out") = py::none())
      .def("mixed_derivatives", &loss_mixed_derivatives, py::arg("columns"), py::arg("scores"))
      .def("steps", &loss_steps, py::arg("columns"), py::arg("scores"))
      .def("unpacked_steps", &loss_unpacked_steps, py::arg("columns"), py::arg("scores"))
      .def("start_scores", &start_scores, py::arg("columns"), py::arg("weights") = py::none(), py::arg("n_jobs") = 1,
           py::arg("offsets") = Columns{}, py::arg("absent_weight") = 0.0);

  module.def(
      "named_loss",
      [](const std::string& name, const py::dict& parameters, std::size_t n_classes, const std::string& isa,
         bool of_shares) { return make_loss(name, named_values(parameters), n_classes, set_of(isa), of_shares); },
      py::arg("name"), py::arg("parameters") = py::dict(), py::arg("n_classes") = 0, py::arg("isa") = "",
      py::arg("of_shares") = false);
  module.def(
      "array_loss",
      [](py::object function, std::size_t n_outputs) -> std::shared_ptr<Loss> {
        return std::make_shared<ArrayLoss>(std::move(function), n_outputs);
      },
      py::arg("function"), py::arg("n_outputs") = 1);
  module.def(
      "formula_loss",
      [](const Graph& graph, NodeId node, std::size_t n_columns, std::size_t n_outputs, const std::string& name,
         const std::string& isa) -> std::shared_ptr<Loss> {
        return std::make_shared<FormulaLoss>(graph, node, n_columns, n_outputs, name, set_of(isa));
      },
      py::arg("graph"), py::arg("node"), py::arg("n_columns") = 1, py::arg("n_outputs") = 1,
      py::arg("name") = "formula", py::arg("isa") = "");
  module.def("loss_table", &known_loss_table);
  module.def("weighted_quantile", &quantile_of, py::arg("values"), py::arg("weights"), py::arg("level"),
             py::arg("width") = 0.0);
}

}  // namespace curvature
