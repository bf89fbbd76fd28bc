#include "bind/fit_input.hpp"

namespace py = pybind11;

namespace curvature {

LossTable loss_table(const std::vector<DoubleArray>& columns, const std::optional<DoubleArray>& weights,
                     const Loss& loss, std::size_t n_rows) {
  LossTable target;
  for (const DoubleArray& column : columns) {
    require_length(column, n_rows, "y");
    target.columns.push_back(column.data());
  }
  if (columns.size() != loss.info().n_columns) {
    throw InputError(sentence("y and loss_data have ", columns.size(), " columns, but loss='", loss.info().name,
                              "' reads ", loss.info().n_columns, "."));
  }
  if (weights) require_length(*weights, n_rows, "sample_weight");
  target.weights = weights ? weights->data() : nullptr;
  target.n_rows = n_rows;
  return target;
}

std::vector<const double*> offset_columns(const std::vector<DoubleArray>& offsets, const Loss& loss,
                                          std::size_t n_rows) {
  std::vector<const double*> columns;
  for (const DoubleArray& offset : offsets) {
    require_length(offset, n_rows, "offset");
    columns.push_back(offset.data());
  }
  if (!offsets.empty() && offsets.size() != loss.info().n_outputs) {
    throw InputError(sentence("offset has ", offsets.size(), " columns; one for each of ", loss.info().n_outputs,
                              " scores is needed."));
  }
  return columns;
}

std::function<void()> stop_on_signal() {
  return [looked = std::chrono::steady_clock::now()]() mutable {
    const auto now = std::chrono::steady_clock::now();
    if (now - looked < std::chrono::milliseconds(50)) return;
    looked = now;
    const py::gil_scoped_acquire locked;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  };
}

}  // namespace curvature
