// Inference of linear models: arrays in, arrays out.
#include "linear/inference.hpp"

#include <cmath>
#include <memory>
#include <optional>

#include <pybind11/stl.h>

#include "base/processors.hpp"
#include "bind/array.hpp"
#include "bind/design.hpp"
#include "bind/register.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

py::array_t<double> to_square(const std::vector<double>& numbers, std::size_t n) {
  return py::array_t<double>({n, n}, numbers.data());
}

py::object known(double value) { return std::isnan(value) ? py::object(py::none()) : py::cast(value); }

py::dict as_dict(const Inference& found) {
  py::dict out;
  out["hessian"] = to_square(found.hessian, found.n_parameters);
  out["covariance"] = to_square(found.covariance, found.n_parameters);
  out["n"] = found.n;
  out["degrees_of_freedom"] = found.degrees_of_freedom;
  out["dispersion"] = found.dispersion;
  out["log_likelihood"] = known(found.log_likelihood);
  out["deviance"] = known(found.deviance);
  out["aic"] = known(found.aic);
  out["bic"] = known(found.bic);
  out["distance"] = found.distance;
  out["least_share"] = found.least_share;
  out["least_parameter"] = found.least_parameter;
  return out;
}

// The arguments of a call, which must outlive what is made of them.
struct Arguments {
  const py::object& X;
  const std::vector<DoubleArray>& columns;
  const std::optional<DoubleArray>& weights;
  const std::shared_ptr<Loss>& loss;
  const DoubleArray& coefficients;
  const DoubleArray& intercepts;
};

LossTable target_of(const Arguments& given, std::size_t n_rows) {
  LossTable target;
  target.n_rows = n_rows;
  for (const DoubleArray& column : given.columns) {
    require_length(column, n_rows, "y");
    target.columns.push_back(column.data());
  }
  if (given.weights) require_length(*given.weights, n_rows, "sample_weight");
  target.weights = given.weights ? given.weights->data() : nullptr;
  return target;
}

Coefficients coefficients_of(const Arguments& given, std::size_t n_columns) {
  const std::size_t n_outputs = given.loss->info().n_outputs;
  require_length(given.intercepts, n_outputs, "intercepts");
  if (static_cast<std::size_t>(given.coefficients.size()) != n_outputs * n_columns) {
    throw InputError(
        sentence("coefficients has ", given.coefficients.size(), " numbers: ", n_outputs * n_columns, " are needed."));
  }
  Coefficients at(n_outputs, n_columns);
  std::copy_n(given.coefficients.data(), at.weights.size(), at.weights.data());
  std::copy_n(given.intercepts.data(), n_outputs, at.intercepts.data());
  return at;
}

}  // namespace

void register_inference(py::module_& module) {
  module.def(
      "linear_inference",
      [](const py::object& X, const std::vector<DoubleArray>& columns, const std::optional<DoubleArray>& weights,
         const std::shared_ptr<Loss>& loss, const py::dict& params, const DoubleArray& coefficients,
         const DoubleArray& intercepts, const std::optional<DoubleArray>& penalty_factors,
         const std::vector<DoubleArray>& offsets, const std::string& kind) {
        const CovarianceKind covariance = covariance_kind(kind);
        const Design design = design_of(X);
        const Arguments given{X, columns, weights, loss, coefficients, intercepts};
        const LossTable target = target_of(given, design.n_rows());
        const Coefficients at = coefficients_of(given, design.n_columns());
        const double alpha = params["alpha"].cast<double>();
        const double l1_ratio = params["l1_ratio"].cast<double>();
        if (penalty_factors) require_length(*penalty_factors, design.n_columns(), "penalty_factors");
        LinearProblem problem{.design = design,
                              .target = target,
                              .loss = *loss,
                              .offsets = {},
                              .l1 = std::vector<double>(design.n_columns(), alpha * l1_ratio),
                              .l2 = std::vector<double>(design.n_columns(), alpha * (1 - l1_ratio)),
                              .lower = {},
                              .upper = {},
                              .fit_intercept = params["fit_intercept"].cast<bool>(),
                              .threads = resolve_threads(params["n_jobs"].cast<int>()),
                              .look_for_signals = {}};
        for (std::size_t j = 0; penalty_factors && j < design.n_columns(); ++j) {
          problem.l1[j] *= penalty_factors->data()[j];
          problem.l2[j] *= penalty_factors->data()[j];
        }
        for (const DoubleArray& offset : offsets) {
          require_length(offset, design.n_rows(), "offset");
          problem.offsets.push_back(offset.data());
        }
        std::optional<Inference> found;
        {
          const py::gil_scoped_release unlocked;
          found = infer(problem, at, covariance);
        }
        return as_dict(*found);
      },
      py::arg("X"), py::arg("columns"), py::arg("weights"), py::arg("loss"), py::arg("params"), py::arg("coefficients"),
      py::arg("intercepts"), py::arg("penalty_factors") = py::none(), py::arg("offsets") = std::vector<DoubleArray>{},
      py::arg("kind") = "model");
}

}  // namespace curvature
