#include "linear/inference.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/errors.hpp"
#include "base/threads.hpp"
#include "linear/centered.hpp"
#include "linear/cholesky.hpp"
#include "linear/likelihood.hpp"
#include "linear/separation.hpp"

namespace curvature {
namespace {

constexpr std::string_view kKinds[] = {"model", "HC0", "HC1", "HC2", "HC3"};

std::string_view name(CovarianceKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

bool any(const std::vector<double>& values) {
  return std::any_of(values.begin(), values.end(), [](double value) { return value != 0; });
}

void check(const LinearProblem& problem, const Likelihood* likelihood, CovarianceKind kind) {
  const LossInfo& info = problem.loss.info();
  const auto refuse = [&](const auto&... rest) {
    throw InputError(sentence("covariance='", name(kind), "' ", rest..., "."));
  };
  if (any(problem.l1)) refuse("is not known under an L1 penalty: take l1_ratio=0 or alpha=0");
  if (problem.is_bounded()) refuse("is not known of coefficients with bounds");
  if (info.n_outputs > 1) {
    refuse("is known of losses of one output, and loss='", info.name, "' has ", info.n_outputs);
  }
  if (kind == CovarianceKind::model && !likelihood && info.of_residual) {
    refuse("needs a loss that is a likelihood of known scale, not loss='", info.name, "': take 'HC0' to 'HC3'");
  }
}

std::size_t rows_that_count(const LinearProblem& problem) {
  std::size_t n = 0;
  for (std::size_t i = 0; i < problem.design.n_rows(); ++i) n += problem.weight(i) > 0;
  return n;
}

std::string said(std::size_t parameter, std::size_t first) {
  return parameter < first ? std::string("the intercept") : sentence("column ", parameter - first);
}

// The inverse of a factored matrix is M^T M; M's columns are the half solutions of unit vectors.
Square half_inverse(const Cholesky& factor, int threads) {
  const std::size_t m = factor.size();
  Square transposed(m);
  parallel_for(m, threads, [&](std::size_t k, int) {
    transposed.row(k)[k] = 1;
    factor.solve_half(transposed.row(k));
  });
  Square half(m);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < m; ++j) half.row(j)[i] = transposed.row(i)[j];
  }
  return half;
}

Square transposed(const Square& of) {
  Square out(of.size);
  for (std::size_t i = 0; i < of.size; ++i) {
    for (std::size_t j = 0; j < of.size; ++j) out.row(j)[i] = of.row(i)[j];
  }
  return out;
}

// What all formulas are made of. Derivatives and sums are of the mean loss: their matrices are 1 / W of those of the
// sum, and `total` is W.
class Pieces {
 public:
  Pieces(const LinearProblem& problem, const Coefficients& at)
      : problem_(problem),
        objective_(problem),
        f_(1, problem.design.n_rows()),
        g_(1, problem.design.n_rows()),
        h_(1, problem.design.n_rows()) {
    objective_.scores(at, f_);
    objective_.row_derivatives(f_, Curvature::exact, g_, h_);
  }

  [[nodiscard]] const Objective& objective() const { return objective_; }
  [[nodiscard]] double total() const { return objective_.total_weight(); }
  [[nodiscard]] const RowColumns& f() const { return f_; }
  [[nodiscard]] const RowColumns& g() const { return g_; }
  [[nodiscard]] const RowColumns& h() const { return h_; }

  // The Hessian of a likelihood is linear in y: its expectation is that at the mean, exp(f) of a log link.
  [[nodiscard]] RowColumns expected_h() const {
    const std::size_t n = problem_.design.n_rows();
    RowColumns mean(1, n);
    parallel_ranges(n, kGrain, problem_.threads, [&](std::size_t begin, std::size_t end, int) {
      for (std::size_t i = begin; i < end; ++i) mean.of(0)[i] = std::exp(f_.of(0)[i]);
    });
    LossTable target = problem_.target;
    target.columns[0] = mean.of(0);
    const LinearProblem at_mean{.design = problem_.design,
                                .target = target,
                                .loss = problem_.loss,
                                .offsets = {},
                                .l1 = {},
                                .l2 = {},
                                .lower = {},
                                .upper = {},
                                .threads = problem_.threads,
                                .look_for_signals = {}};
    RowColumns slope(1, n);
    RowColumns expected(1, n);
    Objective(at_mean).row_derivatives(f_, Curvature::exact, slope, expected);
    return expected;
  }

  // sum of w g^2 / h
  [[nodiscard]] double pearson(const RowColumns& expected) const {
    PartialSums sums(objective_.n_parts(), 1);
    objective_.for_each_part([&](std::size_t part, std::size_t begin, std::size_t end) {
      double sum = 0;
      for (std::size_t i = begin; i < end; ++i) {
        const double h = expected.of(0)[i];
        if (h > 0) sum += g_.of(0)[i] * g_.of(0)[i] / h;
      }
      *sums.of(part) = sum;
    });
    double chi_square = 0;
    sums.add_up(&chi_square);
    return total() * chi_square;
  }

  // sum of h f^2: what rounding errors of a gradient are held against.
  [[nodiscard]] double size_of_scores() const {
    PartialSums sums(objective_.n_parts(), 1);
    objective_.for_each_part([&](std::size_t part, std::size_t begin, std::size_t end) {
      double sum = 0;
      for (std::size_t i = begin; i < end; ++i) sum += h_.of(0)[i] * f_.of(0)[i] * f_.of(0)[i];
      *sums.of(part) = sum;
    });
    double size = 0;
    sums.add_up(&size);
    return size;
  }

  // The weights of z z^T in the middle of a sandwich, of g / W; `map` is M.
  [[nodiscard]] RowColumns squares(CovarianceKind kind, const CenteredRows& rows, const Square& map) const {
    const std::size_t n = problem_.design.n_rows();
    RowColumns out(1, n);
    const bool by_leverage = kind == CovarianceKind::hc2 || kind == CovarianceKind::hc3;
    if (by_leverage) rows.squared_lengths(map, out);
    parallel_ranges(n, kGrain, problem_.threads, [&](std::size_t begin, std::size_t end, int) {
      for (std::size_t i = begin; i < end; ++i) {
        const double square = g_.of(0)[i] * g_.of(0)[i];
        double rest = 1;
        if (by_leverage) {
          rest = 1 - h_.of(0)[i] * out.of(0)[i];
          if (rest < kLeastRest) {
            throw InputError(sentence("covariance='", name(kind), "' is not defined where a row alone decides on a ",
                                      "coefficient, as row ", i, " does (its leverage is 1): take 'HC0' or 'HC1'."));
          }
          if (kind == CovarianceKind::hc3) rest *= rest;
        }
        out.of(0)[i] = square / rest;
      }
    });
    return out;
  }

 private:
  static constexpr std::size_t kGrain = 1 << 14;
  static constexpr double kLeastRest = 1e-10;

  const LinearProblem& problem_;
  Objective objective_;
  RowColumns f_;
  RowColumns g_;
  RowColumns h_;
};

AlignedBuffer<double> copy_of(const Square& of) {
  AlignedBuffer<double> copy(of.size * of.size);
  std::copy_n(of.numbers.data(), copy.size(), copy.data());
  return copy;
}

Square with_penalty(const Square& gram, const std::vector<double>& l2, std::size_t first) {
  Square out = gram;
  for (std::size_t j = 0; j < l2.size(); ++j) out.row(first + j)[first + j] += l2[j];
  return out;
}

void scale(Square& matrix, double factor) {
  for (double& number : matrix.numbers) number *= factor;
}

}  // namespace

CovarianceKind covariance_kind(const std::string& given) {
  for (std::size_t place = 0; place < std::size(kKinds); ++place) {
    if (given == kKinds[place]) return static_cast<CovarianceKind>(place);
  }
  throw InputError(sentence("covariance='", given, "' must be 'model', 'HC0', 'HC1', 'HC2' or 'HC3'."));
}

Inference infer(const LinearProblem& problem, const Coefficients& at, CovarianceKind kind) {
  const Likelihood* likelihood = find_likelihood(problem.loss.info());
  check(problem, likelihood, kind);
  Inference out;
  out.n = rows_that_count(problem);
  out.n_parameters = problem.design.n_columns() + (problem.fit_intercept ? 1 : 0);
  if (out.n <= out.n_parameters) {
    throw InputError(sentence("covariance='", name(kind), "' needs more rows than parameters, got ", out.n,
                              " rows of weight > 0 and ", out.n_parameters, " parameters."));
  }
  const bool penalised = any(problem.l2);
  const Pieces pieces(problem, at);
  const double total = pieces.total();
  const RowColumns* expected = &pieces.h();
  RowColumns of_mean(1, 0);
  if (likelihood && likelihood->hessian_of_y) {
    of_mean = pieces.expected_h();
    expected = &of_mean;
  }
  const RowColumns& h = kind == CovarianceKind::model ? *expected : pieces.h();

  const CenteredRows rows(pieces.objective(), h);
  const Square gram = rows.gram(h);
  const Square information = with_penalty(gram, problem.l2, rows.first());
  const Cholesky factor(copy_of(information), information.size, problem.threads);
  const bool separable = !penalised && problem.loss.info().name == "logistic";
  for (std::size_t j = 0; j < factor.size(); ++j) {
    if (factor.is_dropped(j)) {
      if (separable && find_separation(pieces.objective(), at, total)) {
        throw InputError(sentence("covariance='", name(kind), "' is not defined where columns separate the classes, ",
                                  "so that no coefficients are the best: take alpha > 0."));
      }
      throw InputError(sentence("covariance='", name(kind), "' needs columns that are linearly independent, and ",
                                said(j, rows.first()), " follows from the others: drop it or take alpha > 0."));
    }
  }
  const Square half = half_inverse(factor, problem.threads);
  const Square inverse = product(transposed(half), half, problem.threads);
  for (std::size_t j = 0; j < inverse.size; ++j) {
    const double share = 1 / (inverse.row(j)[j] * information.row(j)[j]);
    if (share < out.least_share) {
      out.least_share = share;
      out.least_parameter = j;
    }
  }

  const Square hat = product(inverse, gram, problem.threads);
  for (std::size_t j = 0; j < hat.size; ++j) out.degrees_of_freedom += hat.row(j)[j];
  if (!penalised) out.degrees_of_freedom = static_cast<double>(out.n_parameters);
  const double rest = static_cast<double>(out.n) - out.degrees_of_freedom;
  if (likelihood && likelihood->has_dispersion) out.dispersion = pieces.pearson(*expected) / rest;

  Square covariance(0);
  if (kind == CovarianceKind::model) {
    covariance = penalised ? product(hat, inverse, problem.threads) : inverse;
    scale(covariance, out.dispersion / total);
  } else {
    const Square middle = rows.gram(pieces.squares(kind, rows, half));
    covariance = product(product(inverse, middle, problem.threads), inverse, problem.threads);
    if (kind == CovarianceKind::hc1) scale(covariance, static_cast<double>(out.n) / rest);
  }
  out.covariance = rows.covariance_of_plain(covariance);

  const bool same = &h == &pieces.h();
  Square hessian = with_penalty(same ? gram : rows.gram(pieces.h()), problem.l2, rows.first());
  scale(hessian, total);
  out.hessian = rows.hessian_of_plain(hessian);

  std::vector<double> gradient = rows.slopes(pieces.g());
  for (std::size_t j = 0; j < problem.l2.size(); ++j) gradient[rows.first() + j] += problem.l2[j] * at.weights[j];
  const double decrement = factor.inverse_form(gradient.data());
  constexpr double kRounding = 1e-26;  // of a fit without residuals nothing else is left
  if (decrement > kRounding * pieces.size_of_scores()) out.distance = std::sqrt(total * decrement / out.dispersion);
  if (separable) {
    out.separated = find_separation(pieces.objective(), at, 0.5 * out.distance * out.distance).has_value();
  }

  if (likelihood) {
    out.deviance = deviance(pieces.objective(), pieces.f());
    out.log_likelihood = log_likelihood(pieces.objective(), pieces.f(), out.dispersion);
    out.aic = 2 * (out.degrees_of_freedom - out.log_likelihood);
    out.bic = std::log(static_cast<double>(out.n)) * out.degrees_of_freedom - 2 * out.log_likelihood;
  }
  return out;
}

}  // namespace curvature
