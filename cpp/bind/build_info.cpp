#include "base/errors.hpp"
#include "base/instruction_set.hpp"
#include "base/processors.hpp"
#include "bind/register.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

py::list instruction_sets() {
  py::list sets;
  for (const InstructionSet set : {InstructionSet::baseline, InstructionSet::v3, InstructionSet::v4}) {
    if (supported(set)) sets.append(name(set));
  }
  return sets;
}

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "g++ " __VERSION__;
#endif
}

std::string threading() {
#ifdef CURVATURE_STD_THREADS
  return "std::thread";
#else
  return sentence("OpenMP ", _OPENMP);  // the year and month of the specification
#endif
}

}  // namespace

void register_errors(py::module_& module) {
  // InputError derives from std::invalid_argument, which pybind11 turns into ValueError.
  py::register_exception<ModelError>(module, "ModelFormatError", PyExc_ValueError);
}

void register_build_info(py::module_& module) {
  (void)instruction_set();  // a set that was forced and cannot run is refused at import
  module.def("instruction_sets", &instruction_sets);
  module.def("build_info", [] {
    py::dict info;
    info["version"] = CURVATURE_VERSION;
    info["instruction_set"] = name(instruction_set());
    info["instruction_sets"] = instruction_sets();
    info["threads"] = available_threads();
    info["threading"] = threading();
    info["compiler"] = compiler();
    return info;
  });
}

}  // namespace curvature
