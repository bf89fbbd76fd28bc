// Where a path of L1 penalties begins; and, for the tests, the kernels of single columns.
#include <optional>
#include <string>
#include <vector>

#include <pybind11/stl.h>

#include "bind/array.hpp"
#include "bind/parameters.hpp"
#include "bind/posed_problem.hpp"
#include "bind/register.hpp"
#include "kernel/columns.hpp"
#include "linear/largest_alpha.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

double find_largest_alpha(const py::object& X, const std::vector<DoubleArray>& columns,
                          const std::optional<DoubleArray>& weights, Loss& loss, const py::dict& values,
                          const std::optional<std::vector<double>>& penalty_factors,
                          const std::vector<DoubleArray>& offsets) {
  LinearParams params = linear_params(values);
  params.alpha = 1;
  const PosedProblem posed(X, columns, weights, loss, params, penalty_factors, offsets);
  const py::gil_scoped_release unlocked;
  return largest_alpha(Objective(posed.problem()), params.l1_ratio);
}

// A column of float32 or float64 and the kernels of one instruction set.
template <class Compute>
auto with_column(const py::array& x, const std::string& isa, Compute&& compute) {
  const kernel::ColumnTable& table = kernel::column_table(instruction_set_named(isa.c_str()));
  const auto n = static_cast<std::size_t>(x.size());
  if (x.itemsize() == sizeof(float)) return compute(table.floats, static_cast<const float*>(x.data()), n);
  return compute(table.doubles, static_cast<const double*>(x.data()), n);
}

}  // namespace

void register_coordinate_descent(py::module_& module) {
  module.def("largest_alpha", &find_largest_alpha, py::arg("X"), py::arg("columns"), py::arg("weights"),
             py::arg("loss"), py::arg("params"), py::arg("penalty_factors") = py::none(),
             py::arg("offsets") = std::vector<DoubleArray>{});
  module.def("column_dot", [](const std::string& isa, const py::array& x, const DoubleArray& u) {
    return with_column(
        x, isa, [&](const auto& kernels, const auto* data, std::size_t n) { return kernels.dot(data, u.data(), n); });
  });
  module.def("column_moments", [](const std::string& isa, const py::array& x, double center, const DoubleArray& h) {
    return with_column(x, isa, [&](const auto& kernels, const auto* data, std::size_t n) {
      const kernel::Moments found = kernels.moments(data, center, h.data(), n);
      return py::make_tuple(found.first, found.second);
    });
  });
  module.def("column_added", [](const std::string& isa, double step, const py::array& x, double center,
                                const DoubleArray& h, const DoubleArray& u) {
    std::vector<double> out(u.data(), u.data() + u.size());
    with_column(x, isa, [&](const auto& kernels, const auto* data, std::size_t n) {
      kernels.add(step, data, center, h.data(), out.data(), n);
    });
    return to_array(out);
  });
  module.def("scaled_added", [](const std::string& isa, double factor, const DoubleArray& x, const DoubleArray& u) {
    std::vector<double> out(u.data(), u.data() + u.size());
    kernel::column_table(instruction_set_named(isa.c_str())).add_scaled(factor, x.data(), out.data(), out.size());
    return to_array(out);
  });
}

}  // namespace curvature
