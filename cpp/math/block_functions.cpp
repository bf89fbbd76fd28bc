#include "math/block_functions.hpp"

#include <string_view>

namespace curvature {

const BlockFunctionTable& block_function_table(InstructionSet set) {
  static const PerInstructionSet<BlockFunctionTable> tables{
      block_function_table_baseline,
#ifdef CURVATURE_HAS_X86_LEVELS
      block_function_table_v3,
      block_function_table_v4,
#endif
  };
  return tables.of(set);
}

const BlockFunction* find_block_function(const char* name, InstructionSet set) {
  const BlockFunctionTable& table = block_function_table(set);
  for (std::size_t i = 0; i < table.size; ++i) {
    if (std::string_view(table.functions[i].name) == name) return &table.functions[i];
  }
  return nullptr;
}

}  // namespace curvature
