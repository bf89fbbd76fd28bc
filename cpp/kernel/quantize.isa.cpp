#include "kernel/quantize.hpp"

#include "base/isa_symbol.hpp"
#include "math/simd.hpp"

namespace curvature::kernel {
namespace {

// The nearest integer (ties to even) for |x| < 2^51: what is added lifts x to where doubles are integers.
inline double round_even(double x) { return (x + kRound) - kRound; }
inline std::int64_t to_integer(double whole) {
  std::int64_t bits, zero;
  const double lifted = whole + kRound;
  std::memcpy(&bits, &lifted, sizeof(bits));
  std::memcpy(&zero, &kRound, sizeof(zero));
  return bits - zero;
}

// 32 well-mixed bits of a row (two rounds of multiply and shift), enough for two 16-bit fractions.
inline std::uint32_t row_bits(std::uint32_t row, std::uint32_t key) {
  std::uint32_t x = row * 0x9e3779b1u ^ key;
  x = (x ^ (x >> 16)) * 0x85ebca6bu;
  x = (x ^ (x >> 13)) * 0xc2b2ae35u;
  return x ^ (x >> 16);
}

// A uniform number strictly inside (-1/2, 1/2): rounding x + it to nearest rounds x up with its fraction's probability.
inline double centred(std::uint32_t sixteen_bits) { return (static_cast<double>(sixteen_bits) - 32767.5) * 0x1p-16; }

template <bool Stochastic, bool Weighted>
void quantize_rows(const QuantizeTask& task) {
  const double per_gradient = 1.0 / task.scale.gradient;
  const double per_hessian = 1.0 / task.scale.hessian;
  const auto key = static_cast<std::uint32_t>(task.key ^ (task.key >> 32));
  for (std::size_t i = 0; i < task.n_rows; ++i) {
    const double weight = Weighted ? task.weights[i] : 1.0;
    double gradient = task.gradients[i] * per_gradient;
    double hessian = task.hessians[i] * per_hessian;
    if constexpr (Stochastic) {
      const std::uint32_t bits = row_bits(static_cast<std::uint32_t>(task.first_row + i), key);
      gradient = round_even(gradient * weight + centred(bits & 0xffffu));
      hessian = round_even(hessian * weight + centred(bits >> 16));
    } else {
      gradient = round_even(round_even(gradient) * weight);
      hessian = round_even(round_even(hessian) * weight);
    }
    task.pairs[i] = (static_cast<Cell>(to_integer(gradient)) << 32) + static_cast<Cell>(to_integer(hessian));
  }
}

template <bool Stochastic>
void quantize_any(const QuantizeTask& task) {
  if (task.weights) return quantize_rows<Stochastic, true>(task);
  return quantize_rows<Stochastic, false>(task);
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
