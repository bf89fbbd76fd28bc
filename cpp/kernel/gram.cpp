#include "kernel/gram.hpp"

namespace curvature::kernel {

const GramTable& gram_table(InstructionSet set) {
  static const PerInstructionSet<GramTable> tables{
      gram_table_baseline,
#ifdef CURVATURE_HAS_X86_LEVELS
      gram_table_v3,
      gram_table_v4,
#endif
  };
  return tables.of(set);
}

}  // namespace curvature::kernel
