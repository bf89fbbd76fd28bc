// The elementary and special functions by name, as loops over blocks of rows: what formulas are evaluated with.
#pragma once

#include <cstddef>

#include "base/instruction_set.hpp"

namespace curvature {

/// A function on blocks: n is a multiple of 8, any alignment, out may be one of the inputs. Unused inputs are null.
using BlockRun = void (*)(const double* a, const double* b, const double* c, double* out, std::size_t n);

struct BlockFunction {
  const char* name;
  int arity;                // 1, 2 or 3
  BlockRun run;             // all inputs are blocks
  BlockRun constant_left;   // arity 2: a points to one number, used for every row; else null
  BlockRun constant_right;  // arity 2: b points to one number; else null
};

struct BlockFunctionTable {
  const BlockFunction* functions;
  std::size_t size;
  /// sigmoid(x) and sigmoid(-x) from one exponential, the bits of "expit" on either.
  void (*sigmoid_pair)(const double* x, double* out, double* mirrored, std::size_t n);
};

[[nodiscard]] const BlockFunctionTable& block_function_table(InstructionSet set = instruction_set());

/// Null where no function has that name.
[[nodiscard]] const BlockFunction* find_block_function(const char* name, InstructionSet set = instruction_set());

extern const BlockFunctionTable block_function_table_baseline;
extern const BlockFunctionTable block_function_table_v3;
extern const BlockFunctionTable block_function_table_v4;

}  // namespace curvature
