#include "kernel/cell_runs.hpp"

namespace curvature::kernel {

const CellRunsTable& cell_runs_table(InstructionSet set) {
  static const PerInstructionSet<CellRunsTable> tables{
      cell_runs_table_baseline,
#ifdef CURVATURE_HAS_X86_LEVELS
      cell_runs_table_v3,
      cell_runs_table_v4,
#endif
  };
  return tables.of(set);
}

}  // namespace curvature::kernel
