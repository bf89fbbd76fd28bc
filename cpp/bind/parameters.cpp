#include "bind/parameters.hpp"

#include <array>
#include <string>
#include <utility>

#include "bind/register.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

template <class Value>
[[nodiscard]] bool holds(const py::handle& given) {
  if (PyBool_Check(given.ptr())) return false;
  if constexpr (std::is_integral_v<Value>) return PyIndex_Check(given.ptr()) != 0;
  return PyNumber_Check(given.ptr()) != 0 && !PyComplex_Check(given.ptr());
}

template <class Params>
void read_fields(const py::dict& values, Params& params) {
  for_each_field<Params>([&](const auto& field) {
    using Value = std::remove_reference_t<decltype(params.*field.member)>;
    if (!values.contains(field.name)) return;
    const py::object given = values[field.name];
    if (given.is_none() && field.bounds.none_allowed) {
      params.*field.member = Value{0};
      return;
    }
    const char* kind = std::is_integral_v<Value> ? "an integer " : "a number ";
    const auto refuse = [&] {
      throw InputError(sentence(field.name, "=", py::repr(given).cast<std::string>(), " must be ", kind,
                                describe(field.bounds), "."));
    };
    if (!holds<Value>(given)) refuse();
    // Checked here, before None's stand-in 0 could be mistaken for a given 0 and before a large integer wraps.
    const double number = PyFloat_AsDouble(given.ptr());
    if (PyErr_Occurred()) {
      PyErr_Clear();
      refuse();
    }
    Bounds bounds = field.bounds;
    bounds.none_allowed = false;
    if (!bounds.contain(number)) refuse();
    params.*field.member = static_cast<Value>(number);
  });
}

template <class Params>
void describe_fields(py::list& rows) {
  const Params defaults;
  for_each_field<Params>([&](const auto& field) {
    py::dict row;
    const auto value = defaults.*field.member;
    row["name"] = field.name;
    row["default"] = field.bounds.none_allowed && value == 0 ? py::object(py::none()) : py::cast(value);
    row["integer"] = std::is_integral_v<decltype(value)>;
    row["allowed"] = describe(field.bounds);
    row["doc"] = field.doc;
    rows.append(row);
  });
}

constexpr std::array kGrowPolicies{std::pair{"lossguide", GrowPolicy::lossguide},
                                   std::pair{"depthwise", GrowPolicy::depthwise}};
std::pair<const char*, LinearSolver> named(LinearSolver solver) { return {name(solver), solver}; }
const std::array kLinearSolvers{named(LinearSolver::automatic),          named(LinearSolver::newton),
                                named(LinearSolver::newton_cg),          named(LinearSolver::lbfgs),
                                named(LinearSolver::coordinate_descent), named(LinearSolver::sgd)};

constexpr std::array kOptimizers{std::pair{"sgd", Optimizer::sgd},           std::pair{"momentum", Optimizer::momentum},
                                 std::pair{"nag", Optimizer::nag},           std::pair{"adagrad", Optimizer::adagrad},
                                 std::pair{"adadelta", Optimizer::adadelta}, std::pair{"rmsprop", Optimizer::rmsprop},
                                 std::pair{"adam", Optimizer::adam},         std::pair{"nadam", Optimizer::nadam},
                                 std::pair{"adamw", Optimizer::adamw}};
constexpr std::array kSchedules{std::pair{"constant", Schedule::constant},
                                std::pair{"inverse", Schedule::inverse},
                                std::pair{"inverse_scaling", Schedule::inverse_scaling},
                                std::pair{"exponential", Schedule::exponential},
                                std::pair{"cosine", Schedule::cosine},
                                std::pair{"plateau", Schedule::plateau}};

// The value that a parameter's text names.
template <class Value, std::size_t n>
Value one_of(const py::dict& values, const char* parameter, const std::array<std::pair<const char*, Value>, n>& known) {
  const py::object given = values[parameter];
  std::string names;
  for (std::size_t i = 0; i < n; ++i) {
    if (given.equal(py::str(known[i].first))) return known[i].second;
    names += sentence(i == 0 ? "" : i + 1 < n ? ", " : " or ", "'", known[i].first, "'");
  }
  throw InputError(sentence(parameter, "=", py::repr(given).cast<std::string>(), " must be ", names, "."));
}

void read_flag(const py::dict& values, const char* parameter, bool& flag) {
  const py::object given = values[parameter];
  if (!PyBool_Check(given.ptr()) && !py::isinstance(given, py::module_::import("numpy").attr("bool_"))) {
    throw InputError(sentence(parameter, "=", py::repr(given).cast<std::string>(), " must be True or False."));
  }
  flag = py::bool_(given);
}

}  // namespace

BoostParams boost_params(const py::dict& values) {
  BoostParams params;
  read_fields(values, params);
  read_fields(values, params.tree);
  params.tree.grow_policy = one_of(values, "grow_policy", kGrowPolicies);
  params.seed = values["seed"].cast<std::uint64_t>();
  params.n_jobs = values["n_jobs"].cast<int>();
  return params;
}

SgdParams sgd_params(const py::dict& values) {
  SgdParams params;
  read_fields(values, params);
  params.optimizer = one_of(values, "optimizer", kOptimizers);
  params.schedule = one_of(values, "schedule", kSchedules);
  read_flag(values, "average", params.average);
  read_flag(values, "shuffle", params.shuffle);
  read_flag(values, "early_stopping", params.early_stopping);
  return params;
}

LinearParams linear_params(const py::dict& values) {
  LinearParams params;
  read_fields(values, params);
  params.solver = one_of(values, "solver", kLinearSolvers);
  params.fit_intercept = values["fit_intercept"].cast<bool>();
  params.seed = values["seed"].cast<std::uint64_t>();
  params.n_jobs = values["n_jobs"].cast<int>();
  return params;
}

void register_parameters(py::module_& module) {
  module.def("check_linear_params", [](const py::dict& values) { (void)linear_params(values); });
  module.def("check_sgd_params", [](const py::dict& values) { (void)sgd_params(values); });
  module.def("linear_parameter_table", [] {
    py::list rows;
    describe_fields<LinearParams>(rows);
    return rows;
  });
  module.def("sgd_parameter_table", [] {
    py::list rows;
    describe_fields<SgdParams>(rows);
    return rows;
  });
  // Raises ValueError for the first parameter out of its bounds; boost_fit would too, but after the data were read.
  module.def("check_params", [](const py::dict& values) { (void)boost_params(values); });
  module.def("parameter_table", [] {
    py::list rows;
    describe_fields<BoostParams>(rows);
    describe_fields<TreeParams>(rows);
    return rows;
  });
}

}  // namespace curvature
