#include "linear/preconditioner.hpp"

#include <algorithm>
#include <cmath>

#include "linear/gram.hpp"
#include "linear/row_sample.hpp"

namespace curvature {
namespace {

constexpr std::size_t kMostFactored = 3000;  // columns: a factor takes p^3 / 3 multiply-adds and 8 p^2 bytes

// Rows that tell enough: beyond some times as many as columns the Gram matrix hardly changes.
std::size_t distance_of_rows(std::size_t n_rows, std::size_t n_columns) {
  constexpr std::size_t kRowsAColumn = 8;
  constexpr std::size_t kFewest = 4096;
  return std::max<std::size_t>(1, n_rows / std::max(kFewest, kRowsAColumn * n_columns));
}

double inverse(double x) { return x > 0 ? 1 / x : 0.0; }

}  // namespace

Preconditioner::Preconditioner(const Objective& objective, const std::vector<double>& centers, const RowColumns& g,
                               const RowColumns& h)
    : diagonal_(h.n_outputs() * (centers.size() + 1)),
      n_outputs_(h.n_outputs()),
      p_(centers.size()),
      ignores_shifts_(slopes_cancel(g)) {
  const LinearProblem& problem = objective.problem();
  const Design& design = problem.design;
  const std::size_t n = design.n_rows();
  const bool factored = !design.is_sparse() && p_ <= kMostFactored && n >= p_;
  const std::size_t every = factored ? distance_of_rows(n, p_) : 1;
  std::optional<RowSample> sample;
  if (every > 1) sample.emplace(problem, every);
  for (std::size_t k = 0; k < n_outputs_; ++k) {
    const double* of = h.of(k);
    PartialSums sums(objective.n_parts(), p_ + 1);
    objective.for_each_block([&](std::size_t part, std::size_t begin, std::size_t end) {
      double* own = sums.of(part);
      for (std::size_t i = begin; i < end; ++i) own[p_] += of[i];
      if (!factored) design.square_sums(begin, end, of + begin, centers.data(), own);
    });
    double* diagonal = diagonal_.data() + k * (p_ + 1);
    sums.add_up(diagonal);
    if (factored) {
      std::vector<double> some;
      double total = 0;
      for (std::size_t i = 0; i < n; i += every) {
        some.push_back(of[i]);
        total += of[i];
      }
      const double scale = total > 0 ? diagonal[p_] / total : 1.0;
      for (double& weight : some) weight *= scale;
      AlignedBuffer<double> gram(p_ * p_);
      weighted_gram(sample ? sample->problem().design : design, some.data(), centers.data(), gram.data(),
                    problem.threads);
      for (std::size_t j = 0; j < p_; ++j) gram[j * p_ + j] += problem.l2[j];
      factors_.emplace_back(std::move(gram), p_, problem.threads);
    }
    for (std::size_t j = 0; j < p_; ++j) diagonal[j] = inverse(diagonal[j] + problem.l2[j]);
    diagonal[p_] = problem.fit_intercept ? inverse(diagonal[p_]) : 0.0;
  }
}

void Preconditioner::apply(std::vector<double>& v) const {
  for (std::size_t k = 0; k < n_outputs_; ++k) {
    double* own = v.data() + k * (p_ + 1);
    const double* diagonal = diagonal_.data() + k * (p_ + 1);
    if (factors_.empty()) {
      for (std::size_t j = 0; j < p_; ++j) own[j] *= diagonal[j];
    } else {
      factors_[k].solve(own);
    }
    own[p_] *= diagonal[p_];
  }
  if (!ignores_shifts_) return;
  const std::size_t width = p_ + 1;
  for (std::size_t j = 0; j < width; ++j) {
    double mean = 0;
    for (std::size_t k = 0; k < n_outputs_; ++k) mean += v[k * width + j] / static_cast<double>(n_outputs_);
    for (std::size_t k = 0; k < n_outputs_; ++k) v[k * width + j] -= mean;
  }
}

}  // namespace curvature
