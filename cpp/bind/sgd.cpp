// Stochastic gradient descent, whose state a caller may keep.
#include "linear/sgd.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include <pybind11/stl.h>

#include "base/processors.hpp"
#include "bind/array.hpp"
#include "bind/design.hpp"
#include "bind/parameters.hpp"
#include "bind/register.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

using Columns = std::vector<DoubleArray>;

// The rows of a call, and views of them.
class Rows {
 public:
  Rows(const py::object& X, Columns columns, std::optional<DoubleArray> weights, std::shared_ptr<Loss> loss,
       Columns offsets)
      : design_(design_of(X)),
        columns_(std::move(columns)),
        weights_(std::move(weights)),
        loss_(std::move(loss)),
        offsets_(std::move(offsets)) {
    const std::size_t n_rows = design_.n_rows();
    target_.n_rows = n_rows;
    target_.columns = pointers(columns_, loss_->info().n_columns, "y");
    if (weights_) require_length(*weights_, n_rows, "sample_weight");
    target_.weights = weights_ ? weights_->data() : nullptr;
    if (!offsets_.empty()) offset_columns_ = pointers(offsets_, loss_->info().n_outputs, "offset");
  }

  [[nodiscard]] LinearProblem problem(const LinearParams& params, const std::optional<DoubleArray>& factors) const {
    LinearProblem problem{.design = design_,
                          .target = target_,
                          .loss = *loss_,
                          .offsets = offset_columns_,
                          .l1 = {},
                          .l2 = {},
                          .lower = {},
                          .upper = {},
                          .fit_intercept = params.fit_intercept,
                          .threads = resolve_threads(params.n_jobs),
                          .look_for_signals = {}};
    const std::size_t n_columns = design_.n_columns();
    if (factors) require_length(*factors, n_columns, "penalty_factors");
    for (std::size_t j = 0; j < n_columns; ++j) {
      const double alpha = params.alpha * (factors ? factors->data()[j] : 1.0);
      problem.l1.push_back(alpha * params.l1_ratio);
      problem.l2.push_back(alpha * (1 - params.l1_ratio));
    }
    problem.look_for_signals = [looked = std::chrono::steady_clock::now()]() mutable {
      const auto now = std::chrono::steady_clock::now();
      if (now - looked < std::chrono::milliseconds(50)) return;
      looked = now;
      const py::gil_scoped_acquire locked;
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    };
    return problem;
  }

 private:
  [[nodiscard]] std::vector<const double*> pointers(const Columns& columns, std::size_t wanted,
                                                    const char* name) const {
    if (columns.size() != wanted) {
      throw InputError(
          sentence(name, " has ", columns.size(), " columns, but loss='", loss_->info().name, "' takes ", wanted, "."));
    }
    std::vector<const double*> found;
    for (const DoubleArray& column : columns) {
      require_length(column, design_.n_rows(), name);
      found.push_back(column.data());
    }
    return found;
  }

  Design design_;
  Columns columns_;
  std::optional<DoubleArray> weights_;
  std::shared_ptr<Loss> loss_;
  Columns offsets_;
  LossTable target_;
  std::vector<const double*> offset_columns_;
};

// A fit together with its parameters.
class PythonSgdFit {
 public:
  explicit PythonSgdFit(const py::dict& values) : PythonSgdFit(values, SgdState{}) {}
  PythonSgdFit(const py::dict& values, SgdState state)
      : linear_(linear_params(values)), fit_(sgd_params(values), linear_, std::move(state)) {}

  py::dict fit(const py::object& X, const Columns& columns, const std::optional<DoubleArray>& weights,
               const std::shared_ptr<Loss>& loss, const Columns& offsets,
               const std::optional<std::pair<DoubleArray, DoubleArray>>& start,
               const std::optional<DoubleArray>& penalty_factors) {
    const Rows rows(X, columns, weights, loss, offsets);
    const LinearProblem problem = rows.problem(linear_, penalty_factors);
    std::optional<Coefficients> from;
    if (start) {
      from.emplace(problem.n_outputs(), problem.design.n_columns());
      if (static_cast<std::size_t>(start->first.size()) != from->weights.size()) {
        throw InputError(
            sentence("start must have ", from->weights.size(), " weights, got ", start->first.size(), "."));
      }
      require_length(start->second, from->intercepts.size(), "start's intercepts");
      from->weights = to_vector<double>(start->first);
      from->intercepts = to_vector<double>(start->second);
    }
    std::optional<LinearFit> found;
    {
      const py::gil_scoped_release unlocked;
      found = fit_.fit(problem, from ? &*from : nullptr);
    }
    py::dict out;
    out["n_iter"] = found->n_iter;
    out["converged"] = found->converged;
    out["advice"] = found->advice;
    return out;
  }

  void partial_fit(const py::object& X, const Columns& columns, const std::optional<DoubleArray>& weights,
                   const std::shared_ptr<Loss>& loss, const Columns& offsets,
                   const std::optional<DoubleArray>& penalty_factors) {
    const Rows rows(X, columns, weights, loss, offsets);
    const LinearProblem problem = rows.problem(linear_, penalty_factors);
    const py::gil_scoped_release unlocked;
    fit_.partial_fit(problem);
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
