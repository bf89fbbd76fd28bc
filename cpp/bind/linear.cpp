#include <memory>
#include <optional>

#include <pybind11/stl.h>

#include "bind/array.hpp"
#include "bind/design.hpp"
#include "bind/fit_input.hpp"
#include "bind/parameters.hpp"
#include "bind/register.hpp"
#include "linear/fit.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

using Start = std::pair<DoubleArray, DoubleArray>;

Coefficients coefficients_of(const Start& start, std::size_t n_outputs, std::size_t n_columns) {
  const auto& [weights, intercepts] = start;
  if (static_cast<std::size_t>(weights.size()) != n_outputs * n_columns ||
      static_cast<std::size_t>(intercepts.size()) != n_outputs) {
    throw InputError(sentence("start must be ", n_outputs, " rows of ", n_columns, " weights and as many intercepts."));
  }
  Coefficients found(n_outputs, n_columns);
  std::copy_n(weights.data(), n_outputs * n_columns, found.weights.begin());
  std::copy_n(intercepts.data(), n_outputs, found.intercepts.begin());
  return found;
}

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
  LinearExtras extras{penalty_factors.value_or(std::vector<double>{}),
                      lower.value_or(std::vector<double>{}),
                      upper.value_or(std::vector<double>{}),
                      {},
                      nullptr};
  for (const DoubleArray& offset : offsets) {
    require_length(offset, design.n_rows(), "offset");
    extras.offsets.push_back(offset.data());
  }
  if (!offsets.empty() && offsets.size() != loss->info().n_outputs) {
    throw InputError(sentence("offset has ", offsets.size(), " columns; one for each of ", loss->info().n_outputs,
                              " scores is needed."));
  }
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
