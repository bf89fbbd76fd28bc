#include <chrono>
#include <memory>
#include <optional>

#include <pybind11/stl.h>

#include "bind/array.hpp"
#include "bind/parameters.hpp"
#include "bind/register.hpp"
#include "boost/fit.hpp"

namespace py = pybind11;

namespace curvature {

void register_boosting(py::module_& module) {
  module.def(
      "boost_fit",
      [](const py::array& X, const DoubleArray& y, const std::optional<DoubleArray>& weights, const py::dict& values) {
        const Table table = table_of(X);
        require_length(y, table.n_rows, "y");
        if (weights) require_length(*weights, table.n_rows, "sample_weight");
        const BoostParams params = boost_params(values);
        const Target target{y.data(), weights ? weights->data() : nullptr};
        const auto stop_on_signal = [looked = std::chrono::steady_clock::now()]() mutable {
          const auto now = std::chrono::steady_clock::now();
          if (now - looked < std::chrono::milliseconds(50)) return;
          looked = now;
          const py::gil_scoped_acquire locked;
          if (PyErr_CheckSignals() != 0) throw py::error_already_set();
        };
        std::optional<BoostedTrees> fitted;
        {
          const py::gil_scoped_release unlocked;
          fitted = fit(table, target, params, stop_on_signal);
        }
        return py::make_tuple(fitted->start_score, std::make_shared<Forest>(std::move(fitted->forest)));
      },
      py::arg("X"), py::arg("y"), py::arg("weights"), py::arg("params"));
}

}  // namespace curvature
