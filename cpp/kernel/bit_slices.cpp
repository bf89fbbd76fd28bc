#include "kernel/bit_slices.hpp"

namespace curvature::kernel {

const BitSlicesTable& bit_slices_table(InstructionSet set) {
  static const PerInstructionSet<BitSlicesTable> tables{
      bit_slices_table_baseline,
#ifdef CURVATURE_HAS_X86_LEVELS
      bit_slices_table_v3,
      bit_slices_table_v4,
#endif
  };
  return tables.of(set);
}

}  // namespace curvature::kernel
