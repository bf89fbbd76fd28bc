#include "kernel/sparse_bounds.hpp"

namespace curvature::kernel {

const SparseBoundsTable& sparse_bounds_table(InstructionSet set) {
  static const PerInstructionSet<SparseBoundsTable> tables{
      sparse_bounds_table_baseline,
#ifdef CURVATURE_HAS_X86_LEVELS
      sparse_bounds_table_v3,
      sparse_bounds_table_v4,
#endif
  };
  return tables.of(set);
}

}  // namespace curvature::kernel
