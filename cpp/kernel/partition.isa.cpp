#include "kernel/partition.hpp"

#include <array>

#include "base/isa_symbol.hpp"
#include "math/simd.hpp"

namespace curvature::kernel {
namespace {

// Rows from `i` on, one by one and without a branch.
std::size_t divide_from(std::size_t i, std::size_t n_left, const DivideTask& task) {
  for (; i < task.n_rows; ++i) {
    const RowIndex row = task.rows[i];
    task.left_out[n_left] = row;
    task.right_out[i - n_left] = row;
    n_left += task.keys[i] <= task.last_left;
  }
  return n_left;
}

#if defined(__AVX2__)

// For each set of eight lanes: the lanes in it, first to last, as bytes.
constexpr std::array<std::uint64_t, 256> kLanesOf = [] {
  std::array<std::uint64_t, 256> lanes{};
  for (unsigned set = 0; set < 256; ++set) {
    int place = 0;
    for (unsigned lane = 0; lane < 8; ++lane) {
      if (set >> lane & 1) lanes[set] |= std::uint64_t{lane} << (8 * place++);
    }
  }
  return lanes;
}();

inline __m256i chosen(__m256i rows, std::uint32_t set) {
  const __m128i lanes = _mm_cvtsi64_si128(static_cast<long long>(kLanesOf[set]));
  return _mm256_permutevar8x32_epi32(rows, _mm256_cvtepu8_epi32(lanes));
}

// 32 keys are compared at once; then eight rows at a time move, those of each side closed up by a permutation. Whole
// registers are stored: what is too much is overwritten by the rows that follow.
std::size_t divide(const DivideTask& task) {
  std::size_t n_left = 0;
  std::size_t i = 0;
  const __m256i last = _mm256_set1_epi8(static_cast<char>(task.last_left));
  for (; i + 32 <= task.n_rows; i += 32) {
    const __m256i keys = load<__m256i>(task.keys + i);
    const __m256i left = _mm256_cmpeq_epi8(_mm256_min_epu8(keys, last), keys);
    auto sets = static_cast<std::uint32_t>(_mm256_movemask_epi8(left));
    for (std::size_t at = i; at < i + 32; at += 8, sets >>= 8) {
      const std::uint32_t set = sets & 0xff;
      const __m256i rows = load<__m256i>(task.rows + at);
      store(task.left_out + n_left, chosen(rows, set));
      store(task.right_out + (at - n_left), chosen(rows, set ^ 0xff));
      n_left += static_cast<std::size_t>(__builtin_popcount(set));
    }
  }
  return divide_from(i, n_left, task);
}

#else

std::size_t divide(const DivideTask& task) { return divide_from(0, 0, task); }

#endif

}  // namespace

extern const PartitionTable CURVATURE_ISA_SYMBOL(partition_table){divide};

}  // namespace curvature::kernel
