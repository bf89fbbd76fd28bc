#include "model/forest.hpp"

#include <memory>

#include "base/processors.hpp"
#include "bind/array.hpp"
#include "bind/register.hpp"
#include "bind/table.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

// Calls visit(name, member) for every stored field of the nodes: the one list of them on this side of the border.
template <class Nodes, class Visit>
void for_each_array(Nodes& nodes, Visit&& visit) {
  visit("feature", nodes.feature);
  visit("threshold", nodes.threshold);
  visit("set", nodes.set);
  visit("set_begin", nodes.sets.begin);
  visit("set_words", nodes.sets.words);
  visit("left", nodes.left);
  visit("missing_left", nodes.missing_left);
  visit("value", nodes.value);
  visit("gain", nodes.gain);
  visit("cover", nodes.cover);
}

const Table& checked_table(const Forest& forest, const BoundTable& X) {
  const Table& table = X.table();
  if (table.n_columns() != static_cast<std::size_t>(forest.n_features())) {
    throw InputError(
        sentence("X has ", table.n_columns(), " features, but the model was trained with ", forest.n_features(), "."));
  }
  for (const auto& [feature, by_sets] : forest.used_features()) {
    const bool category = table.is_category(feature);
    if (category != by_sets) {
      throw InputError(sentence("X has ", category ? "a category" : "numbers", " in column ", feature,
                                ", but the model was trained with ", category ? "numbers." : "a category."));
    }
  }
  return table;
}

}  // namespace

void register_forest(py::module_& module) {
  py::class_<Forest, std::shared_ptr<Forest>>(module, "Forest")
      .def_static("from_arrays",
                  [](std::int32_t n_features, std::int32_t n_outputs, const py::dict& arrays) {
                    TreeNodes nodes;
                    for_each_array(nodes, [&](const char* name, auto& member) {
                      using T = typename std::remove_reference_t<decltype(member)>::value_type;
                      member = to_vector<T>(arrays[name]);
                    });
                    return std::make_shared<Forest>(n_features, n_outputs,
                                                    to_vector<std::int64_t>(arrays["tree_begin"]), std::move(nodes));
                  })
      .def("arrays",
           [](const Forest& forest) {
             py::dict arrays;
             arrays["tree_begin"] = to_array(forest.tree_begin());
             for_each_array(forest.nodes(),
                            [&](const char* name, const auto& member) { arrays[name] = to_array(member); });
             return arrays;
           })
      .def_property_readonly("n_features", &Forest::n_features)
      .def_property_readonly("n_outputs", &Forest::n_outputs)
      .def_property_readonly("n_trees", &Forest::n_trees)
      .def_property_readonly("is_sliced", &Forest::is_sliced)
      .def(
          "add_scores",
          [](const Forest& forest, const BoundTable& X, std::size_t first, std::size_t last,
             py::array_t<double, py::array::c_style>& scores, int n_jobs) {
            const Table& table = checked_table(forest, X);
            if (static_cast<std::size_t>(scores.size()) !=
                table.n_rows * static_cast<std::size_t>(forest.n_outputs())) {
              throw InputError(sentence("scores must have ", table.n_rows, " rows of ", forest.n_outputs(), "."));
            }
            if (first > last || last > forest.n_trees()) throw InputError("trees out of range.");
            double* out = scores.mutable_data();
            const py::gil_scoped_release unlocked;
            forest.add_scores(table, first, last, out, resolve_threads(n_jobs));
          },
          py::arg("X"), py::arg("first"), py::arg("last"), py::arg("scores").noconvert(), py::arg("n_jobs") = -1)
      .def(
          "apply",
          [](const Forest& forest, const BoundTable& X, int n_jobs) {
            const Table& table = checked_table(forest, X);
            py::array_t<std::int32_t> leaves({table.n_rows, forest.n_trees()});
            std::int32_t* out = leaves.mutable_data();
            const py::gil_scoped_release unlocked;
            forest.apply(table, out, resolve_threads(n_jobs));
            return leaves;
          },
          py::arg("X"), py::arg("n_jobs") = -1);
}

}  // namespace curvature
