#include "model/linear_model.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/errors.hpp"
#include "base/profile.hpp"
#include "base/threads.hpp"

namespace curvature {
namespace {

void require_finite(const std::vector<double>& numbers, const char* what) {
  for (std::size_t at = 0; at < numbers.size(); ++at) {
    if (!std::isfinite(numbers[at])) {
      throw ModelError(sentence("the model's ", what, " have ", numbers[at], " at ", at, ": they must be finite."));
    }
  }
}

}  // namespace

LinearModel::LinearModel(std::size_t n_features, std::vector<double> weights, std::vector<double> intercepts)
    : n_features_(n_features), weights_(std::move(weights)), intercepts_(std::move(intercepts)) {
  if (n_features_ == 0 || intercepts_.empty() || weights_.size() != n_features_ * intercepts_.size()) {
    throw ModelError(sentence("the model has ", weights_.size(), " weights, but ", intercepts_.size(), " outputs of ",
                              n_features_, " features."));
  }
  require_finite(weights_, "weights");
  require_finite(intercepts_, "intercepts");
}

void LinearModel::add_scores(const Design& design, double* scores, int threads) const {
  const std::size_t n_outputs = intercepts_.size();
  const bool small = design.n_stored() * n_outputs < 100'000;  // a region costs more than the products
  parallel_ranges(design.n_rows(), design.block_rows(), small ? 1 : threads,
                  [&](std::size_t begin, std::size_t end, int) {
                    const profile::Scope scope(Phase::predict, (end - begin) * n_outputs);
                    std::vector<double> f(end - begin);
                    for (std::size_t k = 0; k < n_outputs; ++k) {
                      std::fill(f.begin(), f.end(), intercepts_[k]);
                      design.times(begin, end, weights_.data() + k * n_features_, f.data());
                      for (std::size_t i = begin; i < end; ++i) scores[i * n_outputs + k] += f[i - begin];
                    }
                  });
}

}  // namespace curvature
