#include "kernel/split_scan.hpp"

namespace curvature::kernel {

const SplitScanTable& split_scan_table(InstructionSet set) {
  static const PerInstructionSet<SplitScanTable> tables{
      split_scan_table_baseline,
#ifdef CURVATURE_HAS_X86_LEVELS
      split_scan_table_v3,
      split_scan_table_v4,
#endif
  };
  return tables.of(set);
}

}  // namespace curvature::kernel
