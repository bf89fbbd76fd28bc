#include "kernel/bit_slices.hpp"

#include "base/isa_symbol.hpp"
#include "math/simd.hpp"

namespace curvature::kernel {
namespace {

// A line is a register. Of a byte a row, register r of eight holds the rows from r * kBytes on; in a line, bit r of
// byte j is the row of byte j of register r, so that no byte ever moves between lanes.
constexpr std::size_t kBytes = 8 * kLanes;
constexpr std::size_t kTileRows = 8 * kBytes;
constexpr int kByteBits = 8;

// Swaps the bits of a and b that differ in one bit of (register, bit): those of a at `mask` << shift, of b at `mask`.
template <int Shift>
inline __attribute__((always_inline)) void swap_bits(Words& a, Words& b, std::uint64_t mask) {
  const Words differ = ((a >> Shift) ^ b) & mask;
  b ^= differ;
  a ^= differ << Shift;
}

// Bit b of register r becomes bit r of register b, byte by byte: from codes to planes, and from planes to codes.
inline __attribute__((always_inline)) void transpose(Words (&v)[kByteBits]) {
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) swap_bits<4>(v[i], v[i + 4], 0x0f0f0f0f0f0f0f0fu);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) swap_bits<2>(v[i / 2 * 4 + i % 2], v[i / 2 * 4 + i % 2 + 2], 0x3333333333333333u);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) swap_bits<1>(v[2 * i], v[2 * i + 1], 0x5555555555555555u);
}

// above[g] = rows whose number of the given bits is greater than g, for g < 2^n_planes.
template <int Planes>
inline __attribute__((always_inline)) void compare_planes(const Words* planes, Words* above) {
  above[0] = planes[0];
  above[1] = Words{};
#pragma GCC unroll 4
  for (int k = 1; k < Planes; ++k) {
    const int half = 1 << k;
#pragma GCC unroll 8
    for (int g = 0; g < half; ++g) {
      const Words lower = above[g];
      above[half + g] = planes[k] & lower;
      above[g] = planes[k] | lower;
    }
  }
}

// From the lines of the low four bits and those of the high bits: greater in the high bits, or equal in them and
// greater in the low ones.
template <int HighPlanes>
void join_halves(const Words* planes, std::size_t n_lines, Words* lines) {
  Words low[16], high[1 << HighPlanes];
  compare_planes<4>(planes, low);
  compare_planes<HighPlanes>(planes + 4, high);
  Words equal = ~high[0];
  for (std::size_t h = 0; 16 * h < n_lines; ++h) {
    if (h > 0) equal = high[h - 1] & ~high[h];
    Words* to = lines + 16 * h;
    if (n_lines - 16 * h >= 16) {
#pragma GCC unroll 16
      for (int l = 0; l < 16; ++l) to[l] = high[h] | (equal & low[l]);
    } else {
      for (std::size_t l = 0; l < n_lines - 16 * h; ++l) to[l] = high[h] | (equal & low[l]);
    }
  }
}

void compare(const std::uint8_t* codes, int n_planes, std::size_t n_lines, void* lines_out) {
  auto* lines = static_cast<Words*>(lines_out);
  Words planes[kByteBits];
#pragma GCC unroll 8
  for (std::size_t r = 0; r < kByteBits; ++r) planes[r] = load<Words>(codes + r * kBytes);
  transpose(planes);
  switch (n_planes) {
    case 5:
      return join_halves<1>(planes, n_lines, lines);
    case 6:
      return join_halves<2>(planes, n_lines, lines);
    case 7:
      return join_halves<3>(planes, n_lines, lines);
    case 8:
      return join_halves<4>(planes, n_lines, lines);
    default:
      Words low[16];
      compare_planes<4>(planes, low);
      for (std::size_t l = 0; l < n_lines; ++l) lines[l] = low[l];
  }
}

void derive(const DerivedLines& derived, void* lines_out) {
  auto* lines = static_cast<Words*>(lines_out);
  lines[0] = Words{};
  lines[1] = ~Words{};
  for (std::size_t i = 0; i < derived.n_or_not; ++i) {
    const LinePair& pair = derived.or_not[i];
    lines[pair.to] = lines[pair.a] | ~lines[pair.b];
  }
  for (std::size_t i = 0; i < derived.n_and_not; ++i) {
    const LinePair& pair = derived.and_not[i];
    lines[pair.to] = lines[pair.a] & ~lines[pair.b];
  }
  for (std::size_t i = 0; i < derived.n_unions; ++i) {
    const LineUnion& all = derived.unions[i];
    Words line{};
    for (std::uint32_t m = all.begin; m < all.end; ++m) line |= lines[derived.members[m]];
    lines[all.to] = all.complement ? ~line : line;
  }
}

// Of one tree, from its planes to the bytes of its leaf numbers; planes past the last are empty.
template <int Planes>
void number_leaves(const Words* sums, std::uint8_t* leaves) {
  Words v[kByteBits];
#pragma GCC unroll 8
  for (int k = 0; k < kByteBits; ++k) v[k] = k < Planes ? sums[k] ^ sums[k - 1] : Words{};
  transpose(v);
#pragma GCC unroll 8
  for (std::size_t r = 0; r < kByteBits; ++r) store(leaves + r * kBytes, v[r]);
}

void number_leaves(const Words* sums, int n_planes, std::uint8_t* leaves) {
  switch (n_planes) {
    case 1:
    case 2:
    case 3:
    case 4: {
      Words some[1 + 4];
      for (int k = -1; k < 4; ++k) some[1 + k] = sums[k < n_planes ? k : n_planes - 1];
      return number_leaves<4>(some + 1, leaves);
    }
    case 5:
      return number_leaves<5>(sums, leaves);
    case 6:
      return number_leaves<6>(sums, leaves);
    case 7:
      return number_leaves<7>(sums, leaves);
    default:
      return number_leaves<8>(sums, leaves);
  }
}

// Those of one tree were last read a tile ago; of large trees only the first ones, which may be all that stays near.
void prefetch_values(const double* values, int n_planes) {
  constexpr std::size_t kCacheLine = 64 / sizeof(double);
  const std::size_t n = std::size_t{1} << (n_planes < kByteBits ? n_planes : kByteBits);
  for (std::size_t i = 0; i < n; i += kCacheLine) __builtin_prefetch(values + i);
}

// Adds the trees' values to some rows at a time, whose scores stay in registers meanwhile. `Wide`: leaf numbers of two
// bytes, the high ones a tile after the low ones.
template <bool Wide>
void add_values(const SlicedGroup& group, const std::uint8_t* leaves, double* scores) {
  using Pair = double __attribute__((vector_size(16)));
  constexpr std::size_t kRows = 16;
  constexpr std::size_t kStep = (Wide ? 2 : 1) * kTileRows;
  for (std::size_t row = 0; row < kTileRows; row += kRows) {
    Pair sums[kRows / 2];
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kRows / 2; ++i) sums[i] = load<Pair>(scores + row + 2 * i);
    const std::uint8_t* at = leaves + row;
    for (std::size_t t = 0; t < group.n_trees; ++t, at += kStep) {
      const double* values = group.values + group.trees[t].first_value;
#pragma GCC unroll 2
      for (std::size_t first = 0; first < kRows; first += 8) {
        auto low = load<std::uint64_t>(at + first);
        std::uint64_t high = Wide ? load<std::uint64_t>(at + kTileRows + first) : 0;
#pragma GCC unroll 4
        for (std::size_t i = first / 2; i < first / 2 + 4; ++i) {
          sums[i] += Pair{values[(low & 0xff) + ((high & 0xff) << kByteBits)],
                          values[((low >> kByteBits) & 0xff) + (((high >> kByteBits) & 0xff) << kByteBits)]};
          low >>= 2 * kByteBits;
          high >>= 2 * kByteBits;
          asm("" : "+r"(low));  // else compilers shift what was loaded anew for every row: four operations, not three
        }
      }
    }
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kRows / 2; ++i) store(scores + row + 2 * i, sums[i]);
  }
}

// Rows into the children of splits, then into the right leaves of twigs.
template <class Step>
void send_down(const Step* splits, std::size_t n_splits, std::size_t n_twigs, const Words* lines, Words* reached) {
  Words* to = reached + 2;
#pragma GCC unroll 4
  for (std::size_t i = 0; i < n_splits; ++i, to += 2) {
    const Words node = reached[splits[i].node];
    const Words right = node & lines[splits[i].split];
    to[0] = node ^ right;
    to[1] = right;
  }
  const Step* twigs = splits + n_splits;
#pragma GCC unroll 4
  for (std::size_t i = 0; i < n_twigs; ++i, ++to) {
    *to = reached[twigs[i].node] & lines[twigs[i].split];
  }
}

void add_group(const SlicedGroup& group, const SlicedTile& tile, double* scores) {
  const auto* lines = static_cast<const Words*>(tile.lines);
  auto* reached = static_cast<Words*>(tile.reached);
  reached[0] = Words{};
  reached[1] = ~Words{};
  if (group.near_steps) {
    send_down(group.near_steps, group.n_splits, group.n_twigs, lines, reached);
  } else {
    send_down(group.far_steps, group.n_splits, group.n_twigs, lines, reached);
  }
  Words* sums = static_cast<Words*>(tile.planes) + 1;
  sums[-1] = Words{};
  Words sum{};
  const PlaneTerms* all_terms = group.terms;
  const std::size_t n_terms = group.n_terms;
#pragma GCC unroll 2
  for (std::size_t i = 0; i < n_terms; ++i) {
    const PlaneTerms& terms = all_terms[i];
    sum ^= (reached[terms.reached[0]] ^ reached[terms.reached[1]]) ^
           (reached[terms.reached[2]] ^ reached[terms.reached[3]]);
    sums[terms.plane] = sum;
  }
  const bool wide = group.trees[0].n_planes > kByteBits;
  std::uint8_t* leaves = tile.leaves;
  for (std::size_t t = 0; t < group.n_trees; ++t) {
    const int n_planes = group.trees[t].n_planes;
    number_leaves(sums, n_planes, leaves);
    if (wide) number_leaves(sums + kByteBits, n_planes - kByteBits, leaves + kTileRows);
    prefetch_values(group.values + group.trees[t].first_value, n_planes);
    sums += n_planes;
    leaves += (wide ? 2 : 1) * kTileRows;
  }
  if (wide) return add_values<true>(group, tile.leaves, scores);
  add_values<false>(group, tile.leaves, scores);
}

}  // namespace

extern const BitSlicesTable CURVATURE_ISA_SYMBOL(bit_slices_table){kTileRows, compare, derive, add_group};

}  // namespace curvature::kernel
