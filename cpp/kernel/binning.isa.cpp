#include "kernel/binning.hpp"

#include "base/isa_symbol.hpp"
#include "math/simd.hpp"

namespace curvature::kernel {
namespace {

#if defined(__AVX2__)

using Floats8 = float __attribute__((vector_size(32)));
using Doubles4 = double __attribute__((vector_size(32)));
using Ints8 = std::int32_t __attribute__((vector_size(32)));

constexpr std::size_t kTogether = 16;

// 1 + the first cut of each value's group, 0 where it is missing. Five levels of a search tree, whose 31 nodes stay in
// registers: a level is a shuffle of them by the places that the values have reached.
class GroupSearch {
 public:
  explicit GroupSearch(const float* pivots)
      : root_(pivots[1] - Floats8{}),
        top_(load<Floats8>(pivots)),
        fourth_(load<Floats8>(pivots + 8)),
        fifth_(load<Floats8>(pivots + 16)),
        fifth_right_(load<Floats8>(pivots + 24)) {}

  [[nodiscard]] Ints8 first_cuts(Floats8 x) const { return ((places(x) - 32) * 8 + 1) & (x == x); }

  /// 32 and the place of each value among the 31 nodes; any place where it is missing.
  [[nodiscard]] Ints8 places(Floats8 x) const {
    const Ints8 right = x > root_;  // -1 where true
    Ints8 place = 2 - right;
    place = place + place - (x > __builtin_shuffle(top_, place));
    place = place + place - (x > __builtin_shuffle(top_, place));
    place = place + place - (x > __builtin_shuffle(fourth_, place));
    const Floats8 fifth = right ? __builtin_shuffle(fifth_right_, place) : __builtin_shuffle(fifth_, place);
    return place + place - (x > fifth);
  }

 private:
  Floats8 root_, top_, fourth_, fifth_, fifth_right_;
};

// Sixteen integers in [0, 256) as bytes.
inline __m128i as_bytes(Ints8 first, Ints8 second) {
  const __m256i words =
      _mm256_packus_epi32(reinterpret_cast<__m256i>(first), reinterpret_cast<__m256i>(second));  // by halves
  const __m256i in_order = _mm256_permute4x64_epi64(words, 0xd8);
  return _mm_packus_epi16(_mm256_castsi256_si128(in_order), _mm256_extracti128_si256(in_order, 1));
}

// The place of a value among few cuts, by a search tree of six levels like the other; 32 places at a time.
class TreeSearch {
 public:
  explicit TreeSearch(const float* tree) : tree_(tree), groups_(tree) {}

  [[nodiscard]] Ints8 codes(Floats8 x) const {
    const Ints8 place = groups_.places(x);
    const Floats8* last = reinterpret_cast<const Floats8*>(tree_) + 4;
    const Ints8 second = (place & 16) != 0, fourth = (place & 8) != 0;
    const Floats8 left = fourth ? __builtin_shuffle(last[1], place) : __builtin_shuffle(last[0], place);
    const Floats8 right = fourth ? __builtin_shuffle(last[3], place) : __builtin_shuffle(last[2], place);
    const Ints8 reached = place + place - (x > (second ? right : left));
    return (reached - 63) & (x == x);
  }

 private:
  const float* tree_;
  GroupSearch groups_;
};

void encode_few(const CutSearch<float>& search, const float* values, std::size_t n, std::uint8_t* codes) {
  const TreeSearch tree(search.tree());
  std::size_t i = 0;
  for (; i + kTogether <= n; i += kTogether) {
    const Ints8 first = tree.codes(load<Floats8>(values + i)), second = tree.codes(load<Floats8>(values + i + 8));
    store(codes + i, as_bytes(first, second));
  }
  for (; i < n; ++i) search_cuts<1>(search, values + i, codes + i);
}

// Eight comparisons of a value with its group, as eight ints of 0 or -1.
inline __m256i cuts_below(float value, const float* group) {
  return reinterpret_cast<__m256i>(value - Floats8{} > load<Floats8>(group));
}
inline __m256i cuts_below(double value, const double* group) {
  const Doubles4 x = value - Doubles4{};
  // Either half of a long -1 is -1: one of each first comparison, the other of each last.
  return _mm256_blend_epi32(reinterpret_cast<__m256i>(x > load<Doubles4>(group)),
                            reinterpret_cast<__m256i>(x > load<Doubles4>(group + 4)), 0xaa);
}

// -1 times the number of cuts of its group below each of eight values, as words. `first_cuts` count from 1.
template <class Value>
inline __m128i counts_below(const Value* cuts, const Value* values, const std::uint8_t* first_cuts) {
  const auto pair = [&](std::size_t k) {
    return _mm256_packs_epi32(cuts_below(values[k], cuts + first_cuts[k] - 1),
                              cuts_below(values[k + 1], cuts + first_cuts[k + 1] - 1));
  };
  const auto quadruple = [&](std::size_t k) {
    const __m256i bytes = _mm256_packs_epi16(pair(k), pair(k + 2));  // four of each value in either half
    const __m256i words = _mm256_maddubs_epi16(_mm256_set1_epi8(1), bytes);
    return _mm_add_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  };
  return _mm_hadd_epi16(quadruple(0), quadruple(4));
}

inline Ints8 first_cuts_of(const GroupSearch& groups, const float* values, float /*centre*/) {
  return groups.first_cuts(load<Floats8>(values));
}
inline Ints8 first_cuts_of(const GroupSearch& groups, const double* values, double centre) {
  const Doubles4 low = load<Doubles4>(values) - centre, high = load<Doubles4>(values + 4) - centre;
  const __m256 x = _mm256_set_m128(_mm256_cvtpd_ps(reinterpret_cast<__m256d>(high)),
                                   _mm256_cvtpd_ps(reinterpret_cast<__m256d>(low)));
  return groups.first_cuts(reinterpret_cast<Floats8>(x));
}

template <class Value>
void encode(const CutSearch<Value>& search, const Value* values, std::size_t n, std::uint8_t* codes) {
  if constexpr (sizeof(Value) == sizeof(float)) {
    if (search.steps() <= 6) return encode_few(search, values, n, codes);
  }
  const GroupSearch groups(search.pivots());
  const Value* const cuts = search.cuts();
  const Value centre = search.centre();
  std::size_t i = 0;
  for (; i + kTogether <= n; i += kTogether) {
    const Value* const own = values + i;
    alignas(16) std::uint8_t first_cuts[kTogether];
    const __m128i first =
        as_bytes(first_cuts_of(groups, own, centre), first_cuts_of(groups, own + kTogether / 2, centre));
    store(first_cuts, first);
    const __m128i counts =
        _mm_packs_epi16(counts_below(cuts, own, first_cuts), counts_below(cuts, own + kTogether / 2, first_cuts + 8));
    store(codes + i, _mm_sub_epi8(first, counts));
    if constexpr (sizeof(Value) == sizeof(double)) {
      // A value above all of its group equals a pivot as a float but not as a double, and belongs further on.
      const __m128i full = _mm_cmpeq_epi8(counts, _mm_set1_epi8(-8));
      if (_mm_movemask_epi8(full) != 0) [[unlikely]]
        search_cuts<kTogether>(search, own, codes + i);
    }
  }
  for (; i < n; ++i) search_cuts<1>(search, values + i, codes + i);
}

#else

template <class Value>
void encode(const CutSearch<Value>& search, const Value* values, std::size_t n, std::uint8_t* codes) {
  search_all(search, values, n, codes);
}

#endif

}  // namespace

extern const BinningTable CURVATURE_ISA_SYMBOL(binning_table){encode<float>, encode<double>};

}  // namespace curvature::kernel
