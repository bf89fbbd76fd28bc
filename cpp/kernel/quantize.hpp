// From gradients to packed integers: the pairs that histograms add up.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/histogram.hpp"

namespace curvature {

/// Units of the quantized gradients and Hessians of one tree: both powers of two.
struct QuantizationScale {
  double gradient = 1;  // the real value of one gradient unit
  double hessian = 1;
  bool stochastic = false;  // round up with the probability of the fraction, instead of to nearest

  [[nodiscard]] bool operator==(const QuantizationScale&) const = default;
};

/// Sums of w |g| and of w h.
struct DerivativeTotals {
  double gradient = 0;
  double hessian = 0;

  DerivativeTotals& operator+=(const DerivativeTotals& other) {
    gradient += other.gradient;
    hessian += other.hessian;
    return *this;
  }
};

namespace kernel {

struct QuantizeTask {
  const double* gradients = nullptr;  // unit (unweighted)
  const double* hessians = nullptr;
  const double* weights = nullptr;  // null: all 1
  std::size_t n_rows = 0;
  std::uint64_t first_row = 0;  // its number in the matrix, the counter of the random rounding
  std::uint64_t key = 0;        // (seed, tree)
  QuantizationScale scale;
  Cell* pairs = nullptr;
  DerivativeTotals* totals = nullptr;  // to which the rows' are added; null: they are not wanted
};

struct QuantizeTable {
  /// pairs[i] = pack(q(w g), q(w h)). To nearest, the unit gradient is rounded first and then weighted, so that an
  /// integer weight and a repeated row give the same sums; stochastic, the weighted one is rounded, without bias.
  /// What does not fit a pair is no error here: its scale is to be checked by the totals.
  void (*quantize)(const QuantizeTask& task);
  /// The totals alone, the same bits: no scale or key is read, nothing else is written.
  void (*add_totals)(const QuantizeTask& task);
};

extern const QuantizeTable quantize_table_baseline;
extern const QuantizeTable quantize_table_v3;
extern const QuantizeTable quantize_table_v4;
[[nodiscard]] const QuantizeTable& quantize_table(InstructionSet set = instruction_set());

}  // namespace kernel
}  // namespace curvature
