// Stochastic gradient descent, whose state a caller may keep.
#include "linear/sgd.hpp"

#include <memory>
#include <optional>
#include <utility>

#include <pybind11/stl.h>

#include "bind/array.hpp"
#include "bind/parameters.hpp"
#include "bind/posed_problem.hpp"
#include "bind/register.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

using Columns = std::vector<DoubleArray>;

// A fit together with its parameters.
class PythonSgdFit {
 public:
  explicit PythonSgdFit(const py::dict& values) : PythonSgdFit(values, SgdState{}) {}
  PythonSgdFit(const py::dict& values, SgdState state)
      : linear_(linear_params(values)), fit_(sgd_params(values), linear_, std::move(state)) {}

  py::dict fit(const py::object& X, const Columns& columns, const std::optional<DoubleArray>& weights,
               const std::shared_ptr<Loss>& loss, const Columns& offsets, const std::optional<Start>& start,
               const std::optional<std::vector<double>>& penalty_factors) {
    const PosedProblem call(X, columns, weights, *loss, linear_, penalty_factors, offsets);
    std::optional<Coefficients> from;
    if (start) {
      from = coefficients_of(*start, call.problem().n_outputs(), call.problem().design.n_columns());
    }
    std::optional<LinearFit> found;
    {
      const py::gil_scoped_release unlocked;
      found = fit_.fit(call.problem(), from ? &*from : nullptr);
    }
    py::dict out;
    out["n_iter"] = found->n_iter;
    out["objective"] = found->objective;
    out["converged"] = found->converged;
    out["advice"] = found->advice;
    return out;
  }

  void partial_fit(const py::object& X, const Columns& columns, const std::optional<DoubleArray>& weights,
                   const std::shared_ptr<Loss>& loss, const Columns& offsets,
                   const std::optional<std::vector<double>>& penalty_factors) {
    const PosedProblem call(X, columns, weights, *loss, linear_, penalty_factors, offsets);
    const py::gil_scoped_release unlocked;
    fit_.partial_fit(call.problem());
  }

  [[nodiscard]] py::tuple coefficients() const {
    const Coefficients found = fit_.coefficients();
    const std::vector<std::size_t> shape{found.n_outputs(), found.n_columns};
    return py::make_tuple(py::array_t<double>(shape, found.weights.data()), to_array(found.intercepts));
  }

  [[nodiscard]] py::dict state() const {
    py::dict out;
    visit_state(fit_.state(), [&](const char* name, const auto& value) {
      if constexpr (requires { value.data(); }) {
        out[name] = to_array(value);
      } else {
        out[name] = value;
      }
    });
    return out;
  }

  [[nodiscard]] static PythonSgdFit from_state(const py::dict& values, const py::dict& given) {
    SgdState state;
    visit_state(state, [&](const char* name, auto& value) {
      if (!given.contains(name)) throw InputError(sentence("state has no '", name, "'."));
      if constexpr (requires { value.data(); }) {
        value = to_vector<double>(given[name]);
      } else {
        value = given[name].cast<std::remove_reference_t<decltype(value)>>();
      }
    });
    state.check();
    return PythonSgdFit(values, std::move(state));
  }

 private:
  template <class State, class Visit>
  static void visit_state(State& state, Visit&& visit) {
    visit("n_outputs", state.n_outputs);
    visit("n_columns", state.n_columns);
    visit("weights", state.weights);
    visit("first", state.first);
    visit("second", state.second);
    visit("average", state.average);
    visit("averaged", state.averaged);
    visit("best", state.best);
    visit("best_value", state.best_value);
    visit("epochs_without_progress", state.epochs_without_progress);
    visit("steps", state.steps);
    visit("epochs", state.epochs);
    visit("rate_factor", state.rate_factor);
    visit("plateau_factor", state.plateau_factor);
    visit("stopped", state.stopped);
  }

  LinearParams linear_;
  SgdFit fit_;
};

}  // namespace

void register_sgd(py::module_& module) {
  py::class_<PythonSgdFit>(module, "SgdFit")
      .def(py::init<const py::dict&>(), py::arg("params"))
      .def("fit", &PythonSgdFit::fit, py::arg("X"), py::arg("columns"), py::arg("weights"), py::arg("loss"),
           py::arg("offsets") = Columns{}, py::arg("start") = py::none(), py::arg("penalty_factors") = py::none())
      .def("partial_fit", &PythonSgdFit::partial_fit, py::arg("X"), py::arg("columns"), py::arg("weights"),
           py::arg("loss"), py::arg("offsets") = Columns{}, py::arg("penalty_factors") = py::none())
      .def("coefficients", &PythonSgdFit::coefficients)
      .def("state", &PythonSgdFit::state)
      .def_static("from_state", &PythonSgdFit::from_state, py::arg("params"), py::arg("state"));
}

}  // namespace curvature
