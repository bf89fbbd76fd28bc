#include <memory>
#include <optional>

#include <pybind11/stl.h>

#include "bind/array.hpp"
#include "bind/fit_input.hpp"
#include "bind/parameters.hpp"
#include "bind/register.hpp"
#include "bind/table.hpp"
#include "boost/fit.hpp"

namespace py = pybind11;

namespace curvature {

void register_boosting(py::module_& module) {
  module.def(
      "boost_fit",
      [](const BoundTable& X, const std::vector<DoubleArray>& columns, const std::optional<DoubleArray>& weights,
         const std::shared_ptr<Loss>& loss, const py::dict& values, const std::vector<DoubleArray>& offsets,
         double absent_weight) {
        const Table& table = X.table();
        LossTable target = loss_table(columns, weights, *loss, table.n_rows);
        target.offsets = offset_columns(offsets, *loss, table.n_rows);
        target.absent_weight = absent_weight;
        const BoostParams params = boost_params(values);
        std::optional<BoostedTrees> fitted;
        {
          const py::gil_scoped_release unlocked;
          fitted = fit(table, target, *loss, params, stop_on_signal());
        }
        return py::make_tuple(to_array(fitted->start_scores), std::make_shared<Forest>(std::move(fitted->forest)));
      },
      py::arg("X"), py::arg("columns"), py::arg("weights"), py::arg("loss"), py::arg("params"),
      py::arg("offsets") = std::vector<DoubleArray>{}, py::arg("absent_weight") = 0.0);
}

}  // namespace curvature
