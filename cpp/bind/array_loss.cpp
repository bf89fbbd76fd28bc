#include "bind/array_loss.hpp"

#include <algorithm>
#include <cmath>

#include "bind/array.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

LossInfo array_info(std::size_t n_outputs) {
  if (n_outputs < 1) throw InputError("n_outputs=0 must be at least 1.");
  LossInfo info;
  info.name = "array";
  info.n_outputs = n_outputs;
  info.has_values = false;
  return info;
}

// Copies what the function returned under `name`, an array (outputs, rows), having looked at each value.
void take(const py::handle& returned, const char* name, double least, std::size_t n_outputs, std::size_t n_rows,
          std::vector<double>& to) {
  const DoubleArray array = DoubleArray::ensure(returned);
  if (!array) {
    PyErr_Clear();
    throw InputError(sentence("The loss function must return ", name, " as an array of numbers."));
  }
  if (array.ndim() != 2 || static_cast<std::size_t>(array.shape(0)) != n_outputs ||
      static_cast<std::size_t>(array.shape(1)) != n_rows) {
    const auto shape = py::str(py::object(array.attr("shape"))).cast<std::string>();
    throw InputError(sentence("The loss function must return ", name, " of shape (", n_outputs, ", ", n_rows,
                              "), got shape ", shape, "."));
  }
  to.assign(array.data(), array.data() + array.size());
  const auto bad = std::find_if(to.begin(), to.end(), [&](double v) { return !(std::isfinite(v) && v >= least); });
  if (bad != to.end()) {
    const auto place = static_cast<std::size_t>(bad - to.begin());
    throw InputError(sentence("The loss function returned ", name, " with ", *bad, " in row ", place % n_rows,
                              " of output ", place / n_rows, "; they must be finite",
                              least == 0 ? " and at least 0" : "", "."));
  }
}

}  // namespace

ArrayLoss::ArrayLoss(py::object function, std::size_t n_outputs)
    : Loss(array_info(n_outputs)), function_(std::move(function)) {
  if (!PyCallable_Check(function_.ptr())) {
    throw InputError(sentence("function=", py::repr(function_).cast<std::string>(), " must be callable."));
  }
}

ArrayLoss::~ArrayLoss() {
  const py::gil_scoped_acquire locked;  // the last owner may be a thread without it
  function_ = py::object();
}

void ArrayLoss::prepare(const double* const* scores, std::size_t n_rows) {
  const py::gil_scoped_acquire locked;
  const std::size_t n_outputs = info_.n_outputs;
  py::array_t<double> copy(std::vector<std::size_t>{n_outputs, n_rows});
  for (std::size_t k = 0; k < n_outputs; ++k) std::copy_n(scores[k], n_rows, copy.mutable_data() + k * n_rows);
  const py::object returned = function_(copy);
  if (!py::isinstance<py::sequence>(returned) || py::len(returned) != 2) {
    throw InputError("The loss function must return two arrays, gradients and hessians.");
  }
  const py::sequence pair = returned;
  constexpr double kAny = std::numeric_limits<double>::lowest();
  take(py::object(pair[0]), "gradients", kAny, n_outputs, n_rows, gradients_);
  take(py::object(pair[1]), "hessians", 0, n_outputs, n_rows, hessians_);
  n_rows_ = n_rows;
}

void ArrayLoss::values(const LossRows&, double*) const {
  throw InputError("A loss made of arrays has derivatives only, no values.");
}

void ArrayLoss::derivatives(const LossRows& rows, double* const* gradients, double* const* hessians) const {
  for (std::size_t k = 0; k < info_.n_outputs; ++k) {
    const std::size_t from = k * n_rows_ + rows.begin;
    std::copy_n(gradients_.data() + from, rows.size, gradients[k]);
    std::copy_n(hessians_.data() + from, rows.size, hessians[k]);
  }
}

std::vector<double> ArrayLoss::start_scores(const LossTable&, int) const {
  return std::vector<double>(info_.n_outputs, 0.0);
}

}  // namespace curvature
