#include "expr/operation.hpp"

#include <array>
#include <numbers>

#include "base/errors.hpp"
#include "expr/simplification.hpp"

namespace curvature {
namespace {

bool zero(const Term& x) { return x.is_number(0); }

// (a / b)' by whichever form keeps its accuracy. Where b da - a db shrinks, as for r / sqrt(1 + r^2) and r / (1 + |r|),
// subtracting the two rounded quotients would cancel for large r, so the shrunken numerator is used.
Term quotient_derivative(const Term& node, const Term* x, const Term* dx) {
  const Term &a = x[0], &b = x[1], &da = dx[0], &db = dx[1];
  if (zero(db)) return da / b;
  if (zero(da)) return -(node * (db / b));
  const bool root = b.is(Operation::sqrt);  // b = sqrt(u): the numerator times b is u da - a du / 2
  const Simpler shrunk = root ? merged_difference(da * b[0], a * (db * b)) : merged_difference(da * b, a * db);
  if (shrunk) return *shrunk / (root ? b[0] * b : square(b));
  return (da - node * db) / b;
}

// x^y: powers of 0 stay finite wherever the derivative is.
Term power_derivative(const Term& node, const Term* x, const Term* dx) {
  Term sum = node.constant(0);
  if (!zero(dx[0])) sum = x[1] * power(x[0], x[1] + -1) * dx[0];
  if (!zero(dx[1])) sum = sum + xlogy(node, x[0]) * dx[1];
  return sum;
}

// At a tie the mean of both: the middle of the subdifferential for straight pieces.
Term choice_derivative(const Term& first_wins, const Term& second_wins, const Term* dx) {
  return where(first_wins, dx[0], where(second_wins, dx[1], 0.5 * (dx[0] + dx[1])));
}

Term xlogy_derivative(const Term&, const Term* x, const Term* dx) {
  Term sum = xlogy(dx[0], x[1]);
  if (zero(dx[1])) return sum;
  return sum + where(x[0], x[0] / x[1], x[0].constant(0)) * dx[1];
}

Term trigamma_derivative(const Term&, const Term*, const Term*) {
  throw InputError("third derivatives of gammaln are not available: trigamma cannot be differentiated.");
}

using T = const Term&;
using Ts = const Term*;

// Each operation beside its derivative: d(node) = …, x the arguments, dx their derivatives.
constexpr double kErfSlope = 2 * std::numbers::inv_sqrtpi;
constexpr std::array<OperationTraits, kOperations> kTable{{
    {"constant", 0, nullptr},
    {"variable", 0, nullptr},
    {"negative", 1, [](T, Ts, Ts dx) { return -dx[0]; }},
    {"abs", 1, [](T, Ts x, Ts dx) { return sign(x[0]) * dx[0]; }},  // 0 at 0
    {"sign", 1, nullptr},
    {"square", 1, [](T, Ts x, Ts dx) { return 2 * (x[0] * dx[0]); }},
    // As a ratio du / u, so that cosh' / cosh becomes tanh and never infinity / infinity.
    {"reciprocal", 1, [](T node, Ts x, Ts dx) { return -(node * (dx[0] / x[0])); }},
    {"exp", 1, [](T node, Ts, Ts dx) { return node * dx[0]; }},
    {"expm1", 1, [](T, Ts x, Ts dx) { return exp(x[0]) * dx[0]; }},
    {"log", 1, [](T, Ts x, Ts dx) { return dx[0] / x[0]; }},
    {"log1p", 1, [](T, Ts x, Ts dx) { return dx[0] / (x[0] + 1); }},
    {"sqrt", 1, [](T node, Ts, Ts dx) { return dx[0] / (2 * node); }},
    {"sin", 1, [](T, Ts x, Ts dx) { return cos(x[0]) * dx[0]; }},
    {"cos", 1, [](T, Ts x, Ts dx) { return -(sin(x[0]) * dx[0]); }},
    {"arctan", 1, [](T, Ts x, Ts dx) { return dx[0] / (square(x[0]) + 1); }},
    {"sinh", 1, [](T, Ts x, Ts dx) { return cosh(x[0]) * dx[0]; }},
    {"cosh", 1, [](T, Ts x, Ts dx) { return sinh(x[0]) * dx[0]; }},
    {"tanh", 1, [](T, Ts x, Ts dx) { return square(reciprocal(cosh(x[0]))) * dx[0]; }},  // not 1 - tanh^2: tails
    {"expit", 1, [](T node, Ts x, Ts dx) { return node * expit(-x[0]) * dx[0]; }},
    {"log_expit", 1, [](T, Ts x, Ts dx) { return expit(-x[0]) * dx[0]; }},
    {"softplus", 1, [](T, Ts x, Ts dx) { return expit(x[0]) * dx[0]; }},
    {"log_cosh", 1, [](T, Ts x, Ts dx) { return tanh(x[0]) * dx[0]; }},
    {"erf", 1, [](T, Ts x, Ts dx) { return kErfSlope * (exp(-square(x[0])) * dx[0]); }},
    {"gammaln", 1, [](T, Ts x, Ts dx) { return digamma(x[0]) * dx[0]; }},
    {"digamma", 1, [](T, Ts x, Ts dx) { return trigamma(x[0]) * dx[0]; }},
    {"trigamma", 1, trigamma_derivative},
    {"not", 1, nullptr},
    {"add", 2, [](T, Ts, Ts dx) { return dx[0] + dx[1]; }},
    {"subtract", 2, [](T, Ts, Ts dx) { return dx[0] - dx[1]; }},
    {"multiply", 2, [](T, Ts x, Ts dx) { return dx[0] * x[1] + x[0] * dx[1]; }},
    {"divide", 2, quotient_derivative},
    {"power", 2, power_derivative},
    {"minimum", 2, [](T, Ts x, Ts dx) { return choice_derivative(less(x[0], x[1]), less(x[1], x[0]), dx); }},
    {"maximum", 2, [](T, Ts x, Ts dx) { return choice_derivative(less(x[1], x[0]), less(x[0], x[1]), dx); }},
    {"logaddexp", 2, [](T, Ts x, Ts dx) { return expit(x[0] - x[1]) * dx[0] + expit(x[1] - x[0]) * dx[1]; }},
    {"xlogy", 2, xlogy_derivative},
    {"less", 2, nullptr},
    {"less_equal", 2, nullptr},
    {"equal", 2, nullptr},
    {"not_equal", 2, nullptr},
    {"and", 2, nullptr},
    {"or", 2, nullptr},
    // The branches only, and chosen, not multiplied: a NaN of the branch not taken stays there.
    {"where", 3, [](T, Ts x, Ts dx) { return where(x[0], dx[1], dx[2]); }},
}};

using Functions = std::array<const BlockFunction*, kOperations>;

Functions functions_of(InstructionSet set) {
  Functions functions{};
  for (std::size_t i = static_cast<std::size_t>(Operation::negative); i < kOperations; ++i) {
    functions[i] = find_block_function(kTable[i].name, set);
    if (!functions[i]) throw std::logic_error(sentence("no block function '", kTable[i].name, "'."));
  }
  return functions;
}

}  // namespace

const OperationTraits& traits(Operation operation) { return kTable[static_cast<std::size_t>(operation)]; }

std::optional<Operation> operation_named(std::string_view wanted) {
  for (std::size_t i = static_cast<std::size_t>(Operation::negative); i < kOperations; ++i) {
    if (wanted == kTable[i].name) return static_cast<Operation>(i);
  }
  return std::nullopt;
}

bool commutative(Operation operation) {
  switch (operation) {
    case Operation::add:
    case Operation::multiply:
    case Operation::minimum:
    case Operation::maximum:
    case Operation::logaddexp:
    case Operation::equal:
    case Operation::not_equal:
    case Operation::and_:
    case Operation::or_:
      return true;
    default:
      return false;
  }
}

const BlockFunction& block_function(Operation operation, InstructionSet set) {
  static const Functions baseline = functions_of(InstructionSet::baseline);
#ifdef CURVATURE_HAS_X86_LEVELS
  static const Functions v3 = functions_of(InstructionSet::v3);
  static const Functions v4 = functions_of(InstructionSet::v4);
  const PerInstructionSet<Functions> all{baseline, v3, v4};
#else
  const PerInstructionSet<Functions> all{baseline};
#endif
  return *all.of(set)[static_cast<std::size_t>(operation)];
}

}  // namespace curvature
