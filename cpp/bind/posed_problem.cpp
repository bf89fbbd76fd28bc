#include "bind/posed_problem.hpp"

#include <algorithm>

#include "base/processors.hpp"
#include "bind/design.hpp"
#include "bind/fit_input.hpp"

namespace curvature {

LinearExtras linear_extras(const Factors& penalty_factors, const std::vector<DoubleArray>& offsets, const Loss& loss,
                           std::size_t n_rows) {
  LinearExtras extras;
  extras.penalty_factors = penalty_factors.value_or(std::vector<double>{});
  extras.offsets = offset_columns(offsets, loss, n_rows);
  return extras;
}

Coefficients coefficients_of(const Start& start, std::size_t n_outputs, std::size_t n_columns) {
  const auto& [weights, intercepts] = start;
  if (static_cast<std::size_t>(weights.size()) != n_outputs * n_columns ||
      static_cast<std::size_t>(intercepts.size()) != n_outputs) {
    throw InputError(
        sentence("coefficients must be ", n_outputs, " rows of ", n_columns, " weights and as many intercepts."));
  }
  Coefficients found(n_outputs, n_columns);
  std::copy_n(weights.data(), n_outputs * n_columns, found.weights.begin());
  std::copy_n(intercepts.data(), n_outputs, found.intercepts.begin());
  return found;
}

PosedProblem::PosedProblem(const pybind11::object& X, const std::vector<DoubleArray>& columns,
                           const std::optional<DoubleArray>& weights, Loss& loss, const LinearParams& params,
                           const Factors& penalty_factors, const std::vector<DoubleArray>& offsets)
    : design_(design_of(X)),
      target_(loss_table(columns, weights, loss, design_.n_rows())),
      problem_(linear_problem(design_, target_, loss, params,
                              linear_extras(penalty_factors, offsets, loss, design_.n_rows()))) {
  problem_.threads = resolve_threads(params.n_jobs);
  problem_.look_for_signals = stop_on_signal();
}

}  // namespace curvature
