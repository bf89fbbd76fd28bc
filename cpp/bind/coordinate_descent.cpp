#include "linear/coordinate_descent.hpp"
#include "linear/largest_alpha.hpp"

#include <optional>

#include <pybind11/stl.h>

#include "base/processors.hpp"
#include "bind/array.hpp"
#include "bind/design.hpp"
#include "bind/register.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

using Given = std::optional<std::vector<double>>;

struct Call {
  Call(const py::object& X, const std::vector<DoubleArray>& columns, const std::optional<DoubleArray>& weights,
       const py::dict& params, const Given& penalty_factors)
      : design(design_of(X)) {
    for (const auto& column : columns) target.columns.push_back(column.data());
    target.n_rows = design.n_rows();
    target.weights = weights ? weights->data() : nullptr;
    const double alpha = params["alpha"].cast<double>();
    const double ratio = params["l1_ratio"].cast<double>();
    for (std::size_t j = 0; j < design.n_columns(); ++j) {
      const double factor = penalty_factors ? (*penalty_factors)[j] : 1.0;
      l1.push_back(alpha * ratio * factor);
      l2.push_back(alpha * (1 - ratio) * factor);
    }
  }
  Design design;
  LossTable target;
  std::vector<double> l1, l2;
};

py::dict coordinate_fit(const py::object& X, const std::vector<DoubleArray>& columns,
                        const std::optional<DoubleArray>& weights, Loss& loss, const py::dict& params,
                        const Given& penalty_factors, const Given& lower, const Given& upper,
                        const std::vector<DoubleArray>& offsets,
                        const std::optional<std::pair<DoubleArray, DoubleArray>>& start) {
  Call call(X, columns, weights, params, penalty_factors);
  LinearProblem problem{call.design, call.target, loss, {}, call.l1, call.l2, {}, {}, true, 1, {}};
  for (const auto& offset : offsets) problem.offsets.push_back(offset.data());
  if (lower) problem.lower = *lower;
  if (upper) problem.upper = *upper;
  problem.fit_intercept = params["fit_intercept"].cast<bool>();
  problem.threads = resolve_threads(params["n_jobs"].cast<int>());
  const Stopping stopping{params["tol"].cast<double>(), params["max_iter"].cast<int>()};
  Coefficients from(problem.n_outputs(), call.design.n_columns());
  if (start) {
    from.weights.assign(start->first.data(), start->first.data() + from.weights.size());
    from.intercepts.assign(start->second.data(), start->second.data() + from.intercepts.size());
  }
  std::optional<LinearFit> fit;
  {
    const py::gil_scoped_release unlocked;
    fit = coordinate_descent(Objective(problem), stopping, from);
  }
  py::dict found;
  found["weights"] =
      to_array(fit->coefficients.weights).reshape({static_cast<py::ssize_t>(problem.n_outputs()), py::ssize_t{-1}});
  found["intercepts"] = to_array(fit->coefficients.intercepts);
  found["objective"] = fit->objective;
  found["gap"] = fit->gap;
  found["n_iter"] = fit->n_iter;
  found["converged"] = fit->converged;
  found["advice"] = fit->advice;
  return found;
}

double alpha_of(const py::object& X, const std::vector<DoubleArray>& columns, const std::optional<DoubleArray>& weights,
                Loss& loss, const py::dict& params, const Given& penalty_factors) {
  py::dict unit(params);
  unit["alpha"] = 1.0;
  Call call(X, columns, weights, unit, penalty_factors);
  LinearProblem problem{call.design, call.target, loss, {}, call.l1, call.l2, {}, {}, true, 1, {}};
  problem.fit_intercept = params["fit_intercept"].cast<bool>();
  return largest_alpha(Objective(problem), params["l1_ratio"].cast<double>());
}

}  // namespace

void register_coordinate_descent(py::module_& module) {
  module.def("coordinate_fit", &coordinate_fit, py::arg("X"), py::arg("columns"), py::arg("weights"), py::arg("loss"),
             py::arg("params"), py::arg("penalty_factors") = py::none(), py::arg("lower") = py::none(),
             py::arg("upper") = py::none(), py::arg("offsets") = py::list(), py::arg("start") = py::none());
  module.def("largest_alpha", &alpha_of, py::arg("X"), py::arg("columns"), py::arg("weights"), py::arg("loss"),
             py::arg("params"), py::arg("penalty_factors") = py::none());
}

}  // namespace curvature
