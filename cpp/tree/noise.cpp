#include "tree/noise.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/profile.hpp"
#include "base/threads.hpp"

namespace curvature {
namespace {

constexpr std::size_t kPart = std::size_t{1} << 16;  // rows whose squares are added in order, then part by part
constexpr std::size_t kTrees = 4;  // at once: the sums of one wait for each other, those of several do not

struct Sums {
  std::array<double, kTrees> squares{};
  std::array<std::uint64_t, kTrees> hessians{};
};

template <std::size_t Trees, bool Weighted>
Sums sums_of(const std::array<const Cell*, kTrees>& pairs, const double* weights, std::size_t begin, std::size_t end) {
  Sums sums;
  for (std::size_t row = begin; row < end; ++row) {
    if (Weighted && !(weights[row] > 0)) continue;
    for (std::size_t k = 0; k < Trees; ++k) {
      const Cell pair = pairs[k][row];
      const auto gradient = static_cast<double>(static_cast<std::int32_t>(gradient_sum(pair)));  // times the weight
      sums.squares[k] += Weighted ? gradient * gradient / weights[row] : gradient * gradient;
      sums.hessians[k] += pair & 0xffffffffu;
    }
  }
  return sums;
}

}  // namespace

std::vector<double> noise_of(const std::vector<const Cell*>& pairs, std::size_t n_rows, const double* weights,
                             int threads) {
  const std::size_t n_parts = (n_rows + kPart - 1) / kPart;
  const std::size_t n_groups = (pairs.size() + kTrees - 1) / kTrees;
  std::vector<Sums> sums(n_groups * n_parts);
  parallel_for(sums.size(), threads, [&](std::size_t task, int) {
    const profile::Scope scope(Phase::quantize, 0);
    const std::size_t first = task / n_parts * kTrees;
    std::array<const Cell*, kTrees> own{};
    for (std::size_t k = 0; k < kTrees; ++k) own[k] = pairs[std::min(first + k, pairs.size() - 1)];
    const std::size_t begin = task % n_parts * kPart;
    const std::size_t end = std::min(begin + kPart, n_rows);
    const auto sum_up = pairs.size() == 1 ? (weights ? sums_of<1, true> : sums_of<1, false>)
                                          : (weights ? sums_of<kTrees, true> : sums_of<kTrees, false>);
    sums[task] = sum_up(own, weights, begin, end);
  });
  std::vector<double> noise(pairs.size());
  for (std::size_t tree = 0; tree < pairs.size(); ++tree) {
    double squares = 0;
    std::uint64_t hessians = 0;
    for (std::size_t part = 0; part < n_parts; ++part) {
      const Sums& own = sums[tree / kTrees * n_parts + part];
      squares += own.squares[tree % kTrees];
      hessians += own.hessians[tree % kTrees];
    }
    noise[tree] = hessians > 0 ? squares / static_cast<double>(hessians) : 0;
  }
  return noise;
}

}  // namespace curvature
