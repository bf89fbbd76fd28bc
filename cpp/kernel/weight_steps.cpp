#include "kernel/weight_steps.hpp"

namespace curvature::kernel {

const WeightStepTable& weight_step_table(InstructionSet set) {
  static const PerInstructionSet<WeightStepTable> tables{
      weight_step_table_baseline,
#ifdef CURVATURE_HAS_X86_LEVELS
      weight_step_table_v3,
      weight_step_table_v4,
#endif
  };
  return tables.of(set);
}

}  // namespace curvature::kernel
