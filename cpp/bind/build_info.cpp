#include "base/errors.hpp"
#include "base/instruction_set.hpp"
#include "base/processors.hpp"
#include "bind/register.hpp"

namespace py = pybind11;

namespace curvature {

void register_errors(py::module_& module) {
  // InputError derives from std::invalid_argument, which pybind11 turns into ValueError.
  py::register_exception<ModelError>(module, "ModelFormatError", PyExc_ValueError);
}

void register_build_info(py::module_& module) {
  module.def("build_info", [] {
    py::dict info;
    info["instruction_set"] = name(instruction_set());
    info["threads"] = available_threads();
    info["compiler"] = __VERSION__;
    return info;
  });
}

}  // namespace curvature
