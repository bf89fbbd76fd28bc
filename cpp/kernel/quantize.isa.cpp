#include "kernel/quantize.hpp"

#include "base/isa_symbol.hpp"
#include "math/simd.hpp"

namespace curvature::kernel {
namespace {

constexpr std::size_t kWidth = kLanes;
using HalfWords = std::uint32_t __attribute__((vector_size(kLanes * 4)));  // 32 bits for each lane
constexpr std::uint32_t kLaneNumbers[] = {0, 1, 2, 3, 4, 5, 6, 7};

// 32 well-mixed bits a row (two rounds of multiply and shift), enough for two 16-bit fractions.
inline Words row_bits(std::uint32_t first_row, std::uint32_t key) {
  HalfWords x = (load<HalfWords>(kLaneNumbers) + first_row) * 0x9e3779b1u ^ key;
  x = (x ^ (x >> 16)) * 0x85ebca6bu;
  x = (x ^ (x >> 13)) * 0xc2b2ae35u;
  return __builtin_convertvector(x ^ (x >> 16), Words);
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

  // Rows from `row` on.
  [[nodiscard]] Words pairs(std::uint32_t row, Doubles gradients, Doubles hessians, Doubles weights) const {
    gradients *= per_gradient;
    hessians *= per_hessian;
    if constexpr (Stochastic) {
      const Words bits = row_bits(row, key);
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

template <bool Stochastic, bool Weighted, bool Totals>
void quantize_rows(const QuantizeTask& task) {
  const Quantizer<Stochastic> quantizer{1.0 / task.scale.gradient, 1.0 / task.scale.hessian,
                                        static_cast<std::uint32_t>(task.key ^ (task.key >> 32))};
  DerivativeTotals totals;
  if constexpr (Totals) totals = *task.totals;
  const auto add_row = [&](double gradient, double hessian, double weight) {
    totals.gradient += weight * __builtin_fabs(gradient);
    totals.hessian += weight * hessian;
  };
  const auto weight_of = [&](std::size_t i) { return Weighted ? task.weights[i] : 1.0; };
  const auto row = static_cast<std::uint32_t>(task.first_row);
  std::size_t i = 0;
  for (; i + kWidth <= task.n_rows; i += kWidth) {
    const Doubles weights = Weighted ? load<Doubles>(task.weights + i) : splat(1.0);
    store(task.pairs + i, quantizer.pairs(row + static_cast<std::uint32_t>(i), load<Doubles>(task.gradients + i),
                                          load<Doubles>(task.hessians + i), weights));
    // One addition after the other, in the order of the rows: each waits for the last, and the vectors fill the wait.
    if constexpr (Totals) {
      for (std::size_t k = i; k < i + kWidth; ++k) add_row(task.gradients[k], task.hessians[k], weight_of(k));
    }
  }
  for (; i < task.n_rows; ++i) {
    const Words pair = quantizer.pairs(row + static_cast<std::uint32_t>(i), splat(task.gradients[i]),
                                       splat(task.hessians[i]), splat(weight_of(i)));
    task.pairs[i] = pair[0];
    if constexpr (Totals) add_row(task.gradients[i], task.hessians[i], weight_of(i));
  }
  if constexpr (Totals) *task.totals = totals;
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

}  // namespace

extern const QuantizeTable CURVATURE_ISA_SYMBOL(quantize_table){quantize};

}  // namespace curvature::kernel
