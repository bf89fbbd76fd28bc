#include "base/profile.hpp"

#include <pybind11/numpy.h>

#include "bind/register.hpp"

namespace py = pybind11;

namespace curvature {

void register_profile(py::module_& module) {
  module.def("profile_start", &profile::start);
  module.def("profile_stop", &profile::stop);
  module.def("profile_phases", [] {
    py::list phases;
    for (const PhaseName& phase : kPhases) phases.append(py::make_tuple(phase.name, phase.unit));
    return phases;
  });
  // (threads, phases, 3): nanoseconds, calls and work since the process began.
  module.def("profile_totals", [] {
    const auto totals = profile::totals();
    py::array_t<std::int64_t> out({totals.size(), kPhases.size(), std::size_t{3}});
    auto view = out.mutable_unchecked<3>();
    for (py::ssize_t thread = 0; thread < view.shape(0); ++thread) {
      for (py::ssize_t phase = 0; phase < view.shape(1); ++phase) {
        const PhaseTotals& cell = totals[static_cast<std::size_t>(thread)][static_cast<std::size_t>(phase)];
        view(thread, phase, 0) = cell.nanoseconds;
        view(thread, phase, 1) = cell.calls;
        view(thread, phase, 2) = cell.work;
      }
    }
    return out;
  });
}

}  // namespace curvature
