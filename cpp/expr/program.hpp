// A formula made ready to run: a tape of block functions over registers that fit the first cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "base/instruction_set.hpp"
#include "expr/graph.hpp"

namespace curvature {

/// Made once per fit from a graph, which it does not keep. Immutable, so any number of threads may run it at once.
class Program {
 public:
  /// Throws InputError for an output that does not exist.
  Program(const Graph& graph, const std::vector<NodeId>& outputs, InstructionSet set = instruction_set());

  /// outputs[k][i] = output k at row begin + i, for i < n. variables[v] is the whole column of variable v, read at
  /// [begin, begin + n); entries of variables that no output needs are not looked at. Outputs must not overlap inputs
  /// or one another. A row's result depends on that row alone, to the bit. No allocation after a thread's first call.
  void run(const double* const* variables, std::size_t begin, std::size_t n, double* const* outputs) const;

  [[nodiscard]] std::size_t n_instructions() const { return instructions_.size(); }
  [[nodiscard]] std::size_t n_outputs() const { return n_outputs_; }
  [[nodiscard]] std::size_t n_registers() const { return n_registers_; }
  [[nodiscard]] std::size_t block_rows() const { return block_rows_; }
  /// The variables that it reads, ascending.
  [[nodiscard]] const std::vector<std::uint32_t>& variables() const { return variables_; }

 private:
  // Where a value lies: slots are first the variables read, then outputs, registers, numbers.
  using Slot = std::uint32_t;

  struct Instruction {
    BlockRun run = nullptr;  // null: the sigmoid pair
    Slot inputs[kMaxArity] = {0, 0, 0};
    Slot out = 0;
    Slot mirrored = 0;
  };
  struct Copy {
    Slot from;
    Slot to;
  };
  class Assembly;

  void run_block(double* const* slots, std::size_t n) const;

  std::vector<Instruction> instructions_;
  std::vector<Copy> copies_;  // outputs that are a variable, a number or another output
  std::vector<std::uint32_t> variables_;
  std::size_t n_outputs_ = 0;
  std::size_t n_registers_ = 0;
  std::size_t n_numbers_ = 0;
  std::size_t block_rows_ = 0;
  AlignedBuffer<double> numbers_;  // each repeated over a block
  void (*sigmoid_pair_)(const double* x, double* out, double* mirrored, std::size_t n) = nullptr;
};

}  // namespace curvature
