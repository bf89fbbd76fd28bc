#include "tree/gradient_noise.hpp"

#include <vector>

#include "base/threads.hpp"

namespace curvature {

double gradient_noise(const Cell* pairs, const double* weights, std::size_t n_rows, int threads) {
  struct Sums {
    double squares = 0;
    double hessians = 0;
  };
  constexpr std::size_t kPart = std::size_t{1} << 16;  // parts of fixed size, added in order
  std::vector<Sums> parts((n_rows + kPart - 1) / kPart);
  parallel_ranges(n_rows, kPart, threads, [&](std::size_t begin, std::size_t end, int) {
    Sums& sums = parts[begin / kPart];
    for (std::size_t row = begin; row < end; ++row) {
      if (weights && !(weights[row] > 0)) continue;
      const auto gradient = static_cast<double>(gradient_sum(pairs[row]));  // times the weight
      sums.squares += gradient * gradient / (weights ? weights[row] : 1.0);
      sums.hessians += static_cast<double>(hessian_sum(pairs[row]));
    }
  });
  Sums total;
  for (const Sums& sums : parts) {
    total.squares += sums.squares;
    total.hessians += sums.hessians;
  }
  return total.hessians > 0 ? total.squares / total.hessians : 0;
}

}  // namespace curvature
