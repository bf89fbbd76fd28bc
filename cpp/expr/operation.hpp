// The operations a formula may consist of. Names and arities stand in one table, beside the derivative rules
// (operation.cpp); what each computes is the block function of the same name (math/block_functions.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/instruction_set.hpp"
#include "math/block_functions.hpp"

namespace curvature {

class Term;

/// The order is that of the table in operation.cpp.
enum class Operation : std::uint8_t {
  constant,
  variable,
  // one argument
  negative,
  abs,
  sign,
  square,
  reciprocal,
  exp,
  expm1,
  log,
  log1p,
  sqrt,
  sin,
  cos,
  arctan,
  sinh,
  cosh,
  tanh,
  expit,
  log_expit,
  softplus,
  log_cosh,
  erf,
  gammaln,
  digamma,
  trigamma,
  not_,
  // two arguments
  add,
  subtract,
  multiply,
  divide,
  power,
  minimum,
  maximum,
  logaddexp,
  xlogy,
  less,
  less_equal,
  equal,
  not_equal,
  and_,
  or_,
  // three: where(a, b, c) is b where a is not zero, else c
  where,
};
constexpr std::size_t kOperations = static_cast<std::size_t>(Operation::where) + 1;
constexpr std::size_t kMaxArity = 3;

/// The derivative of node = operation(x[0], …), given the derivatives dx of its arguments, not all of them zero.
using DerivativeRule = Term (*)(const Term& node, const Term* x, const Term* dx);

struct OperationTraits {
  const char* name;
  int arity;
  DerivativeRule derivative;  // null: the derivative is zero everywhere
};

[[nodiscard]] const OperationTraits& traits(Operation operation);
[[nodiscard]] inline const char* name(Operation operation) { return traits(operation).name; }
[[nodiscard]] inline std::size_t arity(Operation operation) {
  return static_cast<std::size_t>(traits(operation).arity);
}

/// The operation of that name; constants and variables are none.
[[nodiscard]] std::optional<Operation> operation_named(std::string_view wanted);

/// a and b may change places.
[[nodiscard]] bool commutative(Operation operation);

/// The function on blocks that computes it. Not for constants and variables.
[[nodiscard]] const BlockFunction& block_function(Operation operation, InstructionSet set);

}  // namespace curvature
