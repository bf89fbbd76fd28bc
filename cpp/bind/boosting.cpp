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
      [](const py::array& X, const std::vector<DoubleArray>& columns, const std::optional<DoubleArray>& weights,
         const std::shared_ptr<Loss>& loss, const py::dict& values) {
        const Table table = table_of(X);
        LossTable target;
        for (const DoubleArray& column : columns) {
          require_length(column, table.n_rows, "y");
          target.columns.push_back(column.data());
        }
        if (columns.size() != loss->info().n_columns) {
          throw InputError(sentence("y and loss_data have ", columns.size(), " columns, but loss='", loss->info().name,
                                    "' reads ", loss->info().n_columns, "."));
        }
        if (weights) require_length(*weights, table.n_rows, "sample_weight");
        target.weights = weights ? weights->data() : nullptr;
        target.n_rows = table.n_rows;
        const BoostParams params = boost_params(values);
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
          fitted = fit(table, target, *loss, params, stop_on_signal);
        }
        return py::make_tuple(to_array(fitted->start_scores), std::make_shared<Forest>(std::move(fitted->forest)));
      },
      py::arg("X"), py::arg("columns"), py::arg("weights"), py::arg("loss"), py::arg("params"));
}

}  // namespace curvature
