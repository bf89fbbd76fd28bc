#include "kernel/products.hpp"

namespace curvature::kernel {

const ProductTable& product_table(InstructionSet set) {
  static const PerInstructionSet<ProductTable> tables{
      product_table_baseline,
#ifdef CURVATURE_HAS_X86_LEVELS
      product_table_v3,
      product_table_v4,
#endif
  };
  return tables.of(set);
}

}  // namespace curvature::kernel
