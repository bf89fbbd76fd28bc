#include "kernel/listed_rows.hpp"

namespace curvature::kernel {

const ListedProductTable& listed_product_table(InstructionSet set) {
  static const PerInstructionSet<ListedProductTable> tables{
      listed_product_table_baseline,
#ifdef CURVATURE_HAS_X86_LEVELS
      listed_product_table_v3,
      listed_product_table_v4,
#endif
  };
  return tables.of(set);
}

}  // namespace curvature::kernel
