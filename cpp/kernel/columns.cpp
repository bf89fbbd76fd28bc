#include "kernel/columns.hpp"

namespace curvature::kernel {

const ColumnTable& column_table(InstructionSet set) {
  static const PerInstructionSet<ColumnTable> tables{
      column_table_baseline,
#ifdef CURVATURE_HAS_X86_LEVELS
      column_table_v3,
      column_table_v4,
#endif
  };
  return tables.of(set);
}

}  // namespace curvature::kernel
