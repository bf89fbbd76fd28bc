#include "model/linear_model.hpp"

#include <memory>

#include "base/processors.hpp"
#include "bind/array.hpp"
#include "bind/design.hpp"
#include "bind/register.hpp"
#include "data/finite.hpp"

namespace py = pybind11;

namespace curvature {

void register_linear_model(py::module_& module) {
  py::class_<LinearModel, std::shared_ptr<LinearModel>>(module, "LinearModel")
      .def_static("from_arrays",
                  [](const DoubleArray& weights, const DoubleArray& intercepts) {
                    if (weights.ndim() != 2 || intercepts.ndim() != 1) {
                      throw ModelError("the model's weights must have 2 dimensions, and its intercepts 1.");
                    }
                    if (weights.shape(0) != intercepts.shape(0)) {
                      throw ModelError(sentence("the model's weights are of ", weights.shape(0),
                                                " outputs, its intercepts of ", intercepts.shape(0), "."));
                    }
                    return std::make_shared<LinearModel>(static_cast<std::size_t>(weights.shape(1)),
                                                         to_vector<double>(weights), to_vector<double>(intercepts));
                  })
      .def("arrays",
           [](const LinearModel& model) {
             const std::vector<std::size_t> shape{model.n_outputs(), model.n_features()};
             py::dict arrays;
             arrays["weights"] = py::array_t<double>(shape, model.weights().data());
             arrays["intercepts"] = to_array(model.intercepts());
             return arrays;
           })
      .def_property_readonly("n_features", &LinearModel::n_features)
      .def_property_readonly("n_outputs", &LinearModel::n_outputs)
      .def(
          "add_scores",
          [](const LinearModel& model, const py::object& X, py::array_t<double, py::array::c_style>& scores,
             int n_jobs) {
            const Design design = design_of(X);
            if (design.n_columns() != model.n_features()) {
              throw InputError(sentence("X has ", design.n_columns(), " features, but the model was trained with ",
                                        model.n_features(), "."));
            }
            if (static_cast<std::size_t>(scores.size()) != design.n_rows() * model.n_outputs()) {
              throw InputError(sentence("scores must have ", design.n_rows(), " rows of ", model.n_outputs(), "."));
            }
            double* out = scores.mutable_data();
            const py::gil_scoped_release unlocked;
            model.add_scores(design, out, resolve_threads(n_jobs));
          },
          py::arg("X"), py::arg("scores").noconvert(), py::arg("n_jobs") = -1);
  // Row and column of the first NaN or infinity of a design, or None.
  module.def(
      "first_not_finite",
      [](const py::object& X, int n_jobs) -> py::object {
        const Design design = design_of(X);
        std::optional<Place> place;
        {
          const py::gil_scoped_release unlocked;
          place = first_not_finite(design, resolve_threads(n_jobs));
        }
        return place ? py::object(py::make_tuple(place->row, place->column)) : py::object(py::none());
      },
      py::arg("X"), py::arg("n_jobs") = -1);
}

}  // namespace curvature
