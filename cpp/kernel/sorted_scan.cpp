#include "kernel/sorted_scan.hpp"

namespace curvature::kernel {
namespace {

constexpr std::size_t kRoom = 64;

}  // namespace

SortedScratch::SortedScratch(std::size_t n_columns, std::size_t n_rows)
    : stride_((n_rows + 63) / 64 * 64 + kRoom),
      places_(stride_, Place{0}),
      sums_(n_columns * stride_, Cell{0}),
      codes_(n_columns * stride_, 0),
      bounds_(2 * n_columns * stride_, 0.0f) {}

const SortedScanTable& sorted_scan_table(InstructionSet set) {
  static const PerInstructionSet<SortedScanTable> tables{
      sorted_scan_table_baseline,
#ifdef CURVATURE_HAS_X86_LEVELS
      sorted_scan_table_v3,
      sorted_scan_table_v4,
#endif
  };
  return tables.of(set);
}

}  // namespace curvature::kernel
