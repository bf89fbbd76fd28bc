#include "kernel/histogram.hpp"

namespace curvature {

void HistogramLayout::append(Word word, bool padded) {
  constexpr std::size_t kPadding = 88;  // 704 bytes: eight words spread evenly over a 4-KiB page
  word.offset = cells;
  cells += static_cast<std::size_t>(word.lines) * kWordSlots + (padded ? kPadding : 0);
  words.push_back(word);
}

HistogramLayout HistogramLayout::first(std::size_t n_words) const {
  if (n_words >= words.size()) return *this;
  return {{words.begin(), words.begin() + static_cast<std::ptrdiff_t>(n_words)}, words[n_words].offset};
}

namespace kernel {

const HistogramTable& histogram_table(InstructionSet set) {
  static const PerInstructionSet<HistogramTable> tables{
      histogram_table_baseline,
#ifdef CURVATURE_HAS_X86_LEVELS
      histogram_table_v3,
      histogram_table_v4,
#endif
  };
  return tables.of(set);
}

}  // namespace kernel
}  // namespace curvature
