#include "kernel/partition.hpp"

namespace curvature::kernel {

const PartitionTable& partition_table(InstructionSet set) {
  static const PerInstructionSet<PartitionTable> tables{
      partition_table_baseline,
#ifdef CURVATURE_HAS_X86_LEVELS
      partition_table_v3,
      partition_table_v4,
#endif
  };
  return tables.of(set);
}

}  // namespace curvature::kernel
