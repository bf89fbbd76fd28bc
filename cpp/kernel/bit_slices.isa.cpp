#include "kernel/bit_slices.hpp"

#include "base/isa_symbol.hpp"
#include "math/simd.hpp"

namespace curvature::kernel {
namespace {

// A line is `Parts` registers, each of a part of the tile's rows. Two fill a cache line, and what is read of a step
// serves both; one is for the few rows that may be left. Of a byte a row, register r of a part's eight holds the rows
// from r * kBytes on; in a line, bit r of byte j is the row of byte j of register r, so that no byte ever moves between
// lanes.
constexpr std::size_t kBytes = 8 * kLanes;
constexpr std::size_t kPartRows = 8 * kBytes;
constexpr std::size_t kMostParts = kLanes == 8 ? 1 : 2;
template <std::size_t Parts>
constexpr std::size_t kRows = Parts * kPartRows;
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
template <std::size_t Parts, int HighPlanes>
void join_halves(const Words* planes, std::size_t n_lines, Words* lines) {
  Words low[16], high[1 << HighPlanes];
  compare_planes<4>(planes, low);
  compare_planes<HighPlanes>(planes + 4, high);
  Words equal = ~high[0];
  for (std::size_t h = 0; 16 * h < n_lines; ++h) {
    if (h > 0) equal = high[h - 1] & ~high[h];
    Words* to = lines + Parts * 16 * h;
    if (n_lines - 16 * h >= 16) {
#pragma GCC unroll 16
      for (std::size_t l = 0; l < 16; ++l) to[Parts * l] = high[h] | (equal & low[l]);
    } else {
      for (std::size_t l = 0; l < n_lines - 16 * h; ++l) to[Parts * l] = high[h] | (equal & low[l]);
    }
  }
}

template <std::size_t Parts>
void compare_part(const std::uint8_t* codes, int n_planes, std::size_t n_lines, Words* lines) {
  Words planes[kByteBits];
#pragma GCC unroll 8
  for (std::size_t r = 0; r < kByteBits; ++r) planes[r] = load<Words>(codes + r * kBytes);
  transpose(planes);
  switch (n_planes) {
    case 5:
      return join_halves<Parts, 1>(planes, n_lines, lines);
    case 6:
      return join_halves<Parts, 2>(planes, n_lines, lines);
    case 7:
      return join_halves<Parts, 3>(planes, n_lines, lines);
    case 8:
      return join_halves<Parts, 4>(planes, n_lines, lines);
    default:
      Words low[16];
      compare_planes<4>(planes, low);
      for (std::size_t l = 0; l < n_lines; ++l) lines[Parts * l] = low[l];
  }
}

template <std::size_t Parts>
void compare(const std::uint8_t* codes, int n_planes, std::size_t n_lines, void* lines) {
  for (std::size_t p = 0; p < Parts; ++p) {
    compare_part<Parts>(codes + p * kPartRows, n_planes, n_lines, static_cast<Words*>(lines) + p);
  }
}

template <std::size_t Parts>
void set_first_two(Words* lines) {
  for (std::size_t p = 0; p < Parts; ++p) {
    lines[p] = Words{};
    lines[Parts + p] = ~Words{};
  }
}

template <std::size_t Parts>
void derive(const DerivedLines& derived, void* lines_out) {
  set_first_two<Parts>(static_cast<Words*>(lines_out));
  for (std::size_t p = 0; p < Parts; ++p) {
    Words* lines = static_cast<Words*>(lines_out) + p;
    for (std::size_t i = 0; i < derived.n_or_not; ++i) {
      const LinePair& pair = derived.or_not[i];
      lines[Parts * pair.to] = lines[Parts * pair.a] | ~lines[Parts * pair.b];
    }
    for (std::size_t i = 0; i < derived.n_and_not; ++i) {
      const LinePair& pair = derived.and_not[i];
      lines[Parts * pair.to] = lines[Parts * pair.a] & ~lines[Parts * pair.b];
    }
    for (std::size_t i = 0; i < derived.n_unions; ++i) {
      const LineUnion& all = derived.unions[i];
      Words line{};
      for (std::uint32_t m = all.begin; m < all.end; ++m) line |= lines[Parts * derived.members[m]];
      lines[Parts * all.to] = all.complement ? ~line : line;
    }
  }
}

// Of a part of one tree's planes, from the sums (the first is the one before them) to the bytes of its leaf numbers;
// planes past the last are empty.
template <std::size_t Parts, int Planes>
void number_leaves(const Words* sums, std::uint8_t* leaves) {
  Words v[kByteBits];
#pragma GCC unroll 8
  for (std::size_t k = 0; k < kByteBits; ++k) v[k] = k < Planes ? sums[Parts * (k + 1)] ^ sums[Parts * k] : Words{};
  transpose(v);
#pragma GCC unroll 8
  for (std::size_t r = 0; r < kByteBits; ++r) store(leaves + r * kBytes, v[r]);
}

template <std::size_t Parts>
void number_leaves(const Words* sums, std::size_t n_planes, std::uint8_t* leaves) {
  switch (n_planes) {
    case 1:
    case 2:
    case 3:
    case 4: {
      Words some[Parts * (1 + 4)];
      for (std::size_t k = 0; k <= 4; ++k) some[Parts * k] = sums[Parts * (k < n_planes ? k : n_planes)];
      return number_leaves<Parts, 4>(some, leaves);
    }
    case 5:
      return number_leaves<Parts, 5>(sums, leaves);
    case 6:
      return number_leaves<Parts, 6>(sums, leaves);
    case 7:
      return number_leaves<Parts, 7>(sums, leaves);
    default:
      return number_leaves<Parts, 8>(sums, leaves);
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
template <std::size_t Parts, bool Wide>
void add_values(const SlicedGroup& group, const std::uint8_t* leaves, double* scores) {
  using Pair = double __attribute__((vector_size(16)));
  constexpr std::size_t kTogether = 16;
  constexpr std::size_t kStep = (Wide ? 2 : 1) * kRows<Parts>;
  for (std::size_t row = 0; row < kRows<Parts>; row += kTogether) {
    Pair sums[kTogether / 2];
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kTogether / 2; ++i) sums[i] = load<Pair>(scores + row + 2 * i);
    const std::uint8_t* at = leaves + row;
    for (std::size_t t = 0; t < group.n_trees; ++t, at += kStep) {
      const double* values = group.values + group.trees[t].first_value;
#pragma GCC unroll 2
      for (std::size_t first = 0; first < kTogether; first += 8) {
        auto low = load<std::uint64_t>(at + first);
        std::uint64_t high = Wide ? load<std::uint64_t>(at + kRows<Parts> + first) : 0;
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
    for (std::size_t i = 0; i < kTogether / 2; ++i) store(scores + row + 2 * i, sums[i]);
  }
}

// Rows into the children of splits, then into the right leaves of twigs.
template <std::size_t Parts, class Step>
void send_down(const Step* splits, std::size_t n_splits, std::size_t n_twigs, const Words* lines, Words* reached) {
  Words* to = reached + Parts * 2;
#pragma GCC unroll 4
  for (std::size_t i = 0; i < n_splits; ++i, to += Parts * 2) {
    const Words* from = reached + Parts * splits[i].node;
    const Words* line = lines + Parts * splits[i].split;
#pragma GCC unroll 2
    for (std::size_t p = 0; p < Parts; ++p) {
      const Words node = from[p];
      const Words right = node & line[p];
      to[p] = node ^ right;
      to[Parts + p] = right;
    }
  }
  const Step* twigs = splits + n_splits;
#pragma GCC unroll 4
  for (std::size_t i = 0; i < n_twigs; ++i, to += Parts) {
    const Words* from = reached + Parts * twigs[i].node;
    const Words* line = lines + Parts * twigs[i].split;
#pragma GCC unroll 2
    for (std::size_t p = 0; p < Parts; ++p) to[p] = from[p] & line[p];
  }
}

// sums[1 + k] = the running exclusive or up to plane k.
template <std::size_t Parts>
void add_up(const PlaneTerms* terms, std::size_t n_terms, const Words* reached, Words* sums) {
  Words sum[Parts] = {};
#pragma GCC unroll 2
  for (std::size_t p = 0; p < Parts; ++p) sums[p] = sum[p];
#pragma GCC unroll 2
  for (std::size_t i = 0; i < n_terms; ++i) {
    const std::uint16_t* lines = terms[i].reached;
    const Words *a = reached + Parts * lines[0], *b = reached + Parts * lines[1];
    const Words *c = reached + Parts * lines[2], *d = reached + Parts * lines[3];
    Words* to = sums + Parts * (std::size_t{1} + terms[i].plane);
#pragma GCC unroll 2
    for (std::size_t p = 0; p < Parts; ++p) to[p] = sum[p] ^= (a[p] ^ b[p]) ^ (c[p] ^ d[p]);
  }
}

template <std::size_t Parts>
void add_group(const SlicedGroup& group, const SlicedTile& tile, double* scores) {
  const auto* lines = static_cast<const Words*>(tile.lines);
  auto* reached = static_cast<Words*>(tile.reached);
  set_first_two<Parts>(reached);
  if (group.near_steps) {
    send_down<Parts>(group.near_steps, group.n_splits, group.n_twigs, lines, reached);
  } else {
    send_down<Parts>(group.far_steps, group.n_splits, group.n_twigs, lines, reached);
  }
  auto* sums = static_cast<Words*>(tile.planes);
  add_up<Parts>(group.terms, group.n_terms, reached, sums);
  const bool wide = group.trees[0].n_planes > kByteBits;
  std::uint8_t* leaves = tile.leaves;
  for (std::size_t t = 0; t < group.n_trees; ++t) {
    const auto n_planes = static_cast<std::size_t>(group.trees[t].n_planes);
    for (std::size_t p = 0; p < Parts; ++p) {
      std::uint8_t* to = leaves + p * kPartRows;
      number_leaves<Parts>(sums + p, n_planes, to);
      if (wide) number_leaves<Parts>(sums + Parts * kByteBits + p, n_planes - kByteBits, to + kRows<Parts>);
    }
    prefetch_values(group.values + group.trees[t].first_value, group.trees[t].n_planes);
    sums += Parts * n_planes;
    leaves += (wide ? 2 : 1) * kRows<Parts>;
  }
  if (wide) return add_values<Parts, true>(group, tile.leaves, scores);
  add_values<Parts, false>(group, tile.leaves, scores);
}

template <std::size_t Parts>
constexpr BitSlicesKernels kernels_of{kRows<Parts>, compare<Parts>, derive<Parts>, add_group<Parts>};

}  // namespace

extern const BitSlicesTable CURVATURE_ISA_SYMBOL(bit_slices_table){kernels_of<kMostParts>, kernels_of<1>};

}  // namespace curvature::kernel
