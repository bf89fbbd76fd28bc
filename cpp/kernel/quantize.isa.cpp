#include "kernel/quantize.hpp"

#include <algorithm>

#include "base/isa_symbol.hpp"
#include "math/simd.hpp"

namespace curvature::kernel {
namespace {

constexpr std::size_t kWidth = kLanes;
constexpr std::size_t kStripes = 8;                                        // rows a turn, whatever the registers
using HalfWords = std::uint32_t __attribute__((vector_size(kLanes * 4)));  // 32 bits for each lane
using RowBits = std::uint32_t __attribute__((vector_size(kStripes * 4)));

// 32 well-mixed bits for each row of a turn (two rounds of multiply and shift), enough for two 16-bit fractions.
inline void store_row_bits(std::uint32_t* to, std::uint32_t first_row, std::uint32_t key) {
  constexpr std::uint32_t kStep = 0x9e3779b1u;
  RowBits x = (RowBits{0, 1, 2, 3, 4, 5, 6, 7} * kStep + first_row * kStep) ^ key;
  x = (x ^ (x >> 16)) * 0x85ebca6bu;
  x = (x ^ (x >> 13)) * 0xc2b2ae35u;
  store(to, x ^ (x >> 16));
}

// (u - 32767.5) / 65536 for the 16 bits u of `twice` = 2 u: a uniform number strictly inside (-1/2, 1/2). Rounding
// x + it to nearest rounds x up with its fraction's probability. 2 u placed in the low bits of 2^35 is 2^35 + u /
// 65536.
inline Doubles centred(Words twice) {
  constexpr double kTwo35 = 34359738368.0;
  constexpr std::uint64_t kTwo35Bits = 0x4220000000000000u;
  return reinterpret_cast<Doubles>(twice | kTwo35Bits) - (kTwo35 + 32767.5 / 65536);
}

template <bool Stochastic>
struct Quantizer {
  double per_gradient, per_hessian;
  std::uint32_t key;
  std::uint32_t row_bits_[kStripes] = {};

  // The rows of a turn begin with `row`.
  void begin_turn(std::uint32_t row) {
    if constexpr (Stochastic) store_row_bits(row_bits_, row, key);
  }
  // Rows of the turn from its k-th on.
  [[nodiscard]] Words pairs(std::size_t k, Doubles gradients, Doubles hessians, Doubles weights) const {
    gradients *= per_gradient;
    hessians *= per_hessian;
    if constexpr (Stochastic) {
      const Words bits = __builtin_convertvector(load<HalfWords>(row_bits_ + k), Words);
      gradients = gradients * weights + centred((bits << 1) & 0x1fffeu);
      hessians = hessians * weights + centred((bits >> 15) & 0x1fffeu);
    } else {
      gradients = round_even(gradients) * weights;
      hessians = round_even(hessians) * weights;
    }
    // Nearest integers, ties to even: what is added lifts |x| < 2^51 to where doubles are integers. Its own bits end in
    // 32 zeros, which is all of them that the shift leaves.
    const auto gradient_bits = reinterpret_cast<Words>(gradients + kRound);
    const auto hessian_bits = reinterpret_cast<Words>(hessians + kRound) - reinterpret_cast<Words>(splat(kRound));
    return (gradient_bits << 32) + hessian_bits;
  }
};

// Sums of w |g| and of w h. Each eighth row is added up by itself, so that they do not show how wide the registers are.
struct Totals {
  double gradients[kStripes] = {}, hessians[kStripes] = {};

  // Rows from the k-th of a turn on.
  void add(std::size_t k, Doubles gradient, Doubles hessian) {
    store(gradients + k, load<Doubles>(gradients + k) + gradient);
    store(hessians + k, load<Doubles>(hessians + k) + hessian);
  }
  static double joined(const double (&sums)[kStripes]) {
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
  }
  void add_to(DerivativeTotals& totals) const {
    totals.gradient += joined(gradients);
    totals.hessian += joined(hessians);
  }
};

// Calls visit(first row, gradients, hessians, weights) for each kStripes rows, the last of them filled up with zeros.
template <bool Weighted, class Visit>
void in_turns(const QuantizeTask& task, Visit&& visit) {
  const std::size_t whole = task.n_rows / kStripes * kStripes;
  for (std::size_t i = 0; i < whole; i += kStripes) {
    visit(i, task.gradients + i, task.hessians + i, Weighted ? task.weights + i : nullptr);
  }
  if (const std::size_t rest = task.n_rows - whole; rest > 0) {
    double gradients[kStripes] = {}, hessians[kStripes] = {}, weights[kStripes] = {};
    std::copy_n(task.gradients + whole, rest, gradients);
    std::copy_n(task.hessians + whole, rest, hessians);
    if constexpr (Weighted) std::copy_n(task.weights + whole, rest, weights);
    visit(whole, gradients, hessians, weights);
  }
}

template <bool Weighted>
void add_totals(const QuantizeTask& task) {
  Totals totals;
  in_turns<Weighted>(task, [&](std::size_t, const double* gradients, const double* hessians, const double* weights) {
#pragma GCC unroll 4
    for (std::size_t k = 0; k < kStripes; k += kWidth) {
      const Doubles w = Weighted ? load<Doubles>(weights + k) : splat(1.0);
      totals.add(k, w * abs(load<Doubles>(gradients + k)), w * load<Doubles>(hessians + k));
    }
  });
  totals.add_to(*task.totals);
}

template <bool Stochastic, bool Weighted, bool WithTotals>
void quantize_rows(const QuantizeTask& task) {
  Quantizer<Stochastic> quantizer{1.0 / task.scale.gradient, 1.0 / task.scale.hessian,
                                  static_cast<std::uint32_t>(task.key ^ (task.key >> 32))};
  Totals totals;
  Cell rest[kStripes];
  in_turns<Weighted>(task, [&](std::size_t i, const double* gradients, const double* hessians, const double* weights) {
    Cell* const pairs = i + kStripes <= task.n_rows ? task.pairs + i : rest;
    quantizer.begin_turn(static_cast<std::uint32_t>(task.first_row + i));
#pragma GCC unroll 4
    for (std::size_t k = 0; k < kStripes; k += kWidth) {
      const auto g = load<Doubles>(gradients + k);
      const auto h = load<Doubles>(hessians + k);
      const Doubles w = Weighted ? load<Doubles>(weights + k) : splat(1.0);
      store(pairs + k, quantizer.pairs(k, g, h, w));
      if constexpr (WithTotals) totals.add(k, w * abs(g), w * h);
    }
  });
  if (const std::size_t n = task.n_rows % kStripes; n > 0) std::copy_n(rest, n, task.pairs + (task.n_rows - n));
  if constexpr (WithTotals) totals.add_to(*task.totals);
}

template <bool Stochastic, bool Weighted>
void quantize_any(const QuantizeTask& task) {
  if (task.totals) return quantize_rows<Stochastic, Weighted, true>(task);
  return quantize_rows<Stochastic, Weighted, false>(task);
}

template <bool Stochastic>
void quantize_any(const QuantizeTask& task) {
  if (task.weights) return quantize_any<Stochastic, true>(task);
  return quantize_any<Stochastic, false>(task);
}

void quantize(const QuantizeTask& task) {
  if (task.scale.stochastic) {
    quantize_any<true>(task);
  } else {
    quantize_any<false>(task);
  }
}

void add_totals(const QuantizeTask& task) {
  if (task.weights) return add_totals<true>(task);
  add_totals<false>(task);
}

}  // namespace

extern const QuantizeTable CURVATURE_ISA_SYMBOL(quantize_table){quantize, add_totals};

}  // namespace curvature::kernel
