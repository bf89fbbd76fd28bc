// Inference of linear models: arrays in, arrays out.
#include "linear/inference.hpp"

#include <cmath>
#include <memory>
#include <optional>

#include <pybind11/stl.h>

#include "bind/array.hpp"
#include "bind/parameters.hpp"
#include "bind/posed_problem.hpp"
#include "bind/register.hpp"
#include "linear/separation.hpp"

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
  out["separated"] = found.separated;
  return out;
}

py::object as_dict(const std::optional<Separation>& found) {
  if (!found) return py::none();
  py::dict out;
  out["complete"] = found->complete;
  out["rows"] = to_array(std::vector<std::int64_t>(found->rows.begin(), found->rows.end()));
  out["columns"] = to_array(std::vector<std::int64_t>(found->columns.begin(), found->columns.end()));
  out["direction"] = to_array(found->direction.weights);
  out["intercept"] = found->direction.intercepts[0];
  return out;
}

// A problem and its solution; the arguments must outlive it.
class Solved {
 public:
  Solved(const py::object& X, const std::vector<DoubleArray>& columns, const std::optional<DoubleArray>& weights,
         Loss& loss, const py::dict& params, const DoubleArray& coefficients, const DoubleArray& intercepts,
         const Factors& penalty_factors, const std::vector<DoubleArray>& offsets)
      : posed_(X, columns, weights, loss, linear_params(params), penalty_factors, offsets),
        at_(coefficients_of({coefficients, intercepts}, loss.info().n_outputs, problem().design.n_columns())) {}

  [[nodiscard]] const LinearProblem& problem() const { return posed_.problem(); }
  [[nodiscard]] const Coefficients& at() const { return at_; }

 private:
  PosedProblem posed_;
  Coefficients at_;
};

}  // namespace

void register_inference(py::module_& module) {
  module.def(
      "linear_inference",
      [](const py::object& X, const std::vector<DoubleArray>& columns, const std::optional<DoubleArray>& weights,
         const std::shared_ptr<Loss>& loss, const py::dict& params, const DoubleArray& coefficients,
         const DoubleArray& intercepts, const std::optional<std::vector<double>>& penalty_factors,
         const std::vector<DoubleArray>& offsets, const std::string& kind) {
        const CovarianceKind covariance = covariance_kind(kind);
        const Solved solved(X, columns, weights, *loss, params, coefficients, intercepts, penalty_factors, offsets);
        std::optional<Inference> found;
        {
          const py::gil_scoped_release unlocked;
          found = infer(solved.problem(), solved.at(), covariance);
        }
        return as_dict(*found);
      },
      py::arg("X"), py::arg("columns"), py::arg("weights"), py::arg("loss"), py::arg("params"), py::arg("coefficients"),
      py::arg("intercepts"), py::arg("penalty_factors") = py::none(), py::arg("offsets") = std::vector<DoubleArray>{},
      py::arg("kind") = "model");
  module.def(
      "linear_separation",
      [](const py::object& X, const std::vector<DoubleArray>& columns, const std::optional<DoubleArray>& weights,
         const std::shared_ptr<Loss>& loss, const py::dict& params, const DoubleArray& coefficients,
         const DoubleArray& intercepts, double gap, double objective, const std::vector<DoubleArray>& offsets) {
        const Solved solved(X, columns, weights, *loss, params, coefficients, intercepts, std::nullopt, offsets);
        const double tol = linear_params(params).tol;
        std::optional<Separation> found;
        {
          const py::gil_scoped_release unlocked;
          const Objective of(solved.problem());
          const double total = of.total_weight() * std::abs(objective);
          found = find_separation(of, solved.at(), std::isfinite(gap) ? std::max(gap, tol) * total : total);
        }
        return as_dict(found);
      },
      py::arg("X"), py::arg("columns"), py::arg("weights"), py::arg("loss"), py::arg("params"), py::arg("coefficients"),
      py::arg("intercepts"), py::arg("gap"), py::arg("objective"), py::arg("offsets") = std::vector<DoubleArray>{});
}

}  // namespace curvature
