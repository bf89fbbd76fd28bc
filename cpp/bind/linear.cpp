#include <memory>
#include <optional>

#include <pybind11/stl.h>

#include "bind/array.hpp"
#include "bind/design.hpp"
#include "bind/fit_input.hpp"
#include "bind/parameters.hpp"
#include "bind/posed_problem.hpp"
#include "bind/register.hpp"
#include "linear/fit.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

py::array_t<double> as_rows(const std::vector<double>& numbers, std::size_t rows) {
  return to_array(numbers).reshape(std::vector<std::size_t>{rows, rows ? numbers.size() / rows : 0});
}

py::dict linear_fit(const py::object& X, const std::vector<DoubleArray>& columns,
                    const std::optional<DoubleArray>& weights, const std::shared_ptr<Loss>& loss,
                    const py::dict& values, const std::optional<std::vector<double>>& penalty_factors,
                    const std::optional<std::vector<double>>& lower, const std::optional<std::vector<double>>& upper,
                    const std::vector<DoubleArray>& offsets, const std::optional<Start>& start) {
  const Design design = design_of(X);
  const LossTable target = loss_table(columns, weights, *loss, design.n_rows());
  const LinearParams params = linear_params(values);
  LinearExtras extras = linear_extras(penalty_factors, offsets, *loss, design.n_rows());
  extras.lower = lower.value_or(std::vector<double>{});
  extras.upper = upper.value_or(std::vector<double>{});
  std::optional<Coefficients> from;
  if (start) {
    from = coefficients_of(*start, loss->info().n_outputs, design.n_columns());
    extras.start = &*from;
  }
  std::optional<FittedLinear> fitted;
  {
    const py::gil_scoped_release unlocked;
    fitted = fit_linear(design, target, *loss, params, extras, stop_on_signal());
  }
  const LinearFit& fit = fitted->fit;
  py::dict found;
  found["weights"] = as_rows(fit.coefficients.weights, fit.coefficients.n_outputs());
  found["intercepts"] = to_array(fit.coefficients.intercepts);
  found["solver"] = name(fitted->solver);
  found["n_iter"] = fit.n_iter;
  found["gap"] = fit.gap;
  found["objective"] = fit.objective;
  found["converged"] = fit.converged;
  found["advice"] = fit.advice;
  return found;
}

}  // namespace

void register_linear(py::module_& module) {
  module.def("linear_fit", &linear_fit, py::arg("X"), py::arg("columns"), py::arg("weights"), py::arg("loss"),
             py::arg("params"), py::arg("penalty_factors") = py::none(), py::arg("lower") = py::none(),
             py::arg("upper") = py::none(), py::arg("offsets") = std::vector<DoubleArray>{},
             py::arg("start") = py::none());
}

}  // namespace curvature
