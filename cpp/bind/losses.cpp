#include "bind/array.hpp"
#include "bind/register.hpp"
#include "loss/loss.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

InstructionSet set_of(const std::string& isa) {
  return isa.empty() ? instruction_set() : instruction_set_named(isa.c_str());
}

}  // namespace

void register_losses(py::module_& module) {
  module.def(
      "loss_values",
      [](const std::string& name, const DoubleArray& y, const DoubleArray& f, const std::string& isa) {
        const Loss loss(name, set_of(isa));
        const auto n = static_cast<std::size_t>(y.size());
        require_length(f, n, "f");
        py::array_t<double> out(y.size());
        loss.values(y.data(), f.data(), out.mutable_data(), n);
        return out;
      },
      py::arg("name"), py::arg("y"), py::arg("f"), py::arg("isa") = "");
  module.def(
      "loss_derivatives",
      [](const std::string& name, const DoubleArray& y, const DoubleArray& f, const std::string& isa) {
        const Loss loss(name, set_of(isa));
        const auto n = static_cast<std::size_t>(y.size());
        require_length(f, n, "f");
        py::array_t<double> gradients(y.size());
        py::array_t<double> hessians(y.size());
        loss.derivatives(y.data(), f.data(), gradients.mutable_data(), hessians.mutable_data(), n);
        return py::make_tuple(gradients, hessians);
      },
      py::arg("name"), py::arg("y"), py::arg("f"), py::arg("isa") = "");
}

}  // namespace curvature
