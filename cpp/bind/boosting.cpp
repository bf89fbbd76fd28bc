#include <memory>
#include <optional>

#include <pybind11/stl.h>

#include "bind/array.hpp"
#include "bind/binned_table.hpp"
#include "bind/fit_input.hpp"
#include "bind/parameters.hpp"
#include "bind/register.hpp"
#include "bind/table.hpp"
#include "boost/fit.hpp"

namespace py = pybind11;

namespace curvature {

namespace {

// `table` is what `fit` takes: columns, or codes.
template <class AnyTable>
py::tuple boost_fit(const AnyTable& table, std::size_t n_rows, const std::vector<DoubleArray>& columns,
                    const std::optional<DoubleArray>& weights, const std::shared_ptr<Loss>& loss,
                    const py::dict& values, const std::vector<DoubleArray>& offsets, double absent_weight) {
  LossTable target = loss_table(columns, weights, *loss, n_rows);
  target.offsets = offset_columns(offsets, *loss, n_rows);
  target.absent_weight = absent_weight;
  const BoostParams params = boost_params(values);
  std::optional<BoostedTrees> fitted;
  {
    const py::gil_scoped_release unlocked;
    fitted = fit(table, target, *loss, params, stop_on_signal());
  }
  return py::make_tuple(to_array(fitted->start_scores), std::make_shared<Forest>(std::move(fitted->forest)));
}

}  // namespace

void register_boosting(py::module_& module) {
  const auto define = [&](auto function) {
    module.def("boost_fit", function, py::arg("X"), py::arg("columns"), py::arg("weights"), py::arg("loss"),
               py::arg("params"), py::arg("offsets") = std::vector<DoubleArray>{}, py::arg("absent_weight") = 0.0);
  };
  define([](const BoundTable& X, const std::vector<DoubleArray>& columns, const std::optional<DoubleArray>& weights,
            const std::shared_ptr<Loss>& loss, const py::dict& values, const std::vector<DoubleArray>& offsets,
            double absent_weight) {
    const Table& table = X.table();
    return boost_fit(table, table.n_rows, columns, weights, loss, values, offsets, absent_weight);
  });
  define([](const BoundBinnedTable& X, const std::vector<DoubleArray>& columns,
            const std::optional<DoubleArray>& weights, const std::shared_ptr<Loss>& loss, const py::dict& values,
            const std::vector<DoubleArray>& offsets, double absent_weight) {
    return boost_fit(X.table, X.table.matrix.n_rows(), columns, weights, loss, values, offsets, absent_weight);
  });
}

}  // namespace curvature
