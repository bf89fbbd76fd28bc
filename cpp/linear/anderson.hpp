// Anderson acceleration: the last iterates of a slowly converging sequence point to its limit.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

namespace curvature {

/// Keeps kDepth + 1 iterates. The extrapolated one is the affine combination of them whose change is least; quantities
/// that are affine in the iterate ride along (Bertrand & Massias, 2021).
class Anderson {
 public:
  static constexpr std::size_t kDepth = 5;

  /// An iterate has `size` numbers; the first `measured` of them, squares weighted, say how large a change is.
  Anderson(std::size_t size, std::size_t measured) : size_(size), measured_(measured) {}

  void clear() { n_kept_ = 0; }
  [[nodiscard]] bool is_full() const { return n_kept_ == kDepth + 1; }
  /// The place where the next iterate is to be written; not to be called when full.
  [[nodiscard]] double* next();
  /// Writes the extrapolated iterate and forgets the others. False where there is none.
  [[nodiscard]] bool extrapolate(const double* weights, double* out);

 private:
  std::size_t size_;
  std::size_t measured_;
  std::size_t n_kept_ = 0;
  std::array<std::vector<double>, kDepth + 1> kept_;
};

}  // namespace curvature
