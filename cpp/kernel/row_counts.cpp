#include "kernel/row_counts.hpp"

namespace curvature::kernel {

const RowCountTable& row_count_table(InstructionSet set) {
  static const PerInstructionSet<RowCountTable> tables{
      row_count_table_baseline,
#ifdef CURVATURE_HAS_X86_LEVELS
      row_count_table_v3,
      row_count_table_v4,
#endif
  };
  return tables.of(set);
}

}  // namespace curvature::kernel
