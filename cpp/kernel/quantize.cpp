#include "kernel/quantize.hpp"

namespace curvature::kernel {

const QuantizeTable& quantize_table(InstructionSet set) {
  static const PerInstructionSet<QuantizeTable> tables{
      quantize_table_baseline,
#ifdef CURVATURE_HAS_X86_LEVELS
      quantize_table_v3,
      quantize_table_v4,
#endif
  };
  return tables.of(set);
}

}  // namespace curvature::kernel
