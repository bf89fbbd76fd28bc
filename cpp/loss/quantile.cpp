#include "loss/quantile.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "base/errors.hpp"
#include "base/random.hpp"

namespace curvature {
namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();

double midpoint(double a, double b) { return b == kNone ? a : 0.5 * a + 0.5 * b; }

double plain_quantile(double* values, std::size_t n, double level) {
  const double target = level * static_cast<double>(n);
  const auto place = static_cast<std::size_t>(std::max(std::ceil(target), 1.0)) - 1;
  std::nth_element(values, values + place, values + n);
  if (target != static_cast<double>(place + 1) || place + 1 == n) return values[place];
  return midpoint(values[place], *std::min_element(values + place + 1, values + n));
}

// The middle of three values whose places follow from the bounds alone, so that no order of values is always bad.
double pivot_of(const double* values, std::size_t begin, std::size_t end) {
  const auto at = [&](std::uint64_t draw) {
    return values[begin + bounded(mix(child_key(begin, end) + draw), static_cast<std::uint32_t>(end - begin))];
  };
  const double a = at(0), b = at(1), c = at(2);
  return std::max(std::min(a, b), std::min(std::max(a, b), c));
}

double least_counted(const double* values, const double* weights, std::size_t begin, std::size_t end) {
  double least = kNone;
  for (std::size_t i = begin; i < end; ++i) {
    if (weights[i] > 0) least = std::min(least, values[i]);
  }
  return least;
}

// Narrows [begin, end) to the value where cumulated weights reach the target; `below` is the weight before `begin`.
double select(double* values, double* weights, std::size_t n, double target) {
  std::size_t begin = 0;
  std::size_t end = n;
  double below = 0;
  double passed = 0;  // the largest value before `begin`
  while (begin < end) {
    const double pivot = pivot_of(values, begin, end);
    std::size_t lower = begin;  // values below the pivot end here,
    std::size_t upper = end;    // and those above it begin here
    double weight_lower = 0;
    double weight_equal = 0;
    for (std::size_t i = begin; i < upper;) {
      if (values[i] < pivot) {
        weight_lower += weights[i];
        std::swap(values[i], values[lower]);
        std::swap(weights[i++], weights[lower++]);
      } else if (values[i] > pivot) {
        std::swap(values[i], values[--upper]);
        std::swap(weights[i], weights[upper]);
      } else {
        weight_equal += weights[i++];
      }
    }
    if (weight_lower > 0 && below + weight_lower >= target) {
      end = lower;
      continue;
    }
    below += weight_lower + weight_equal;
    if (weight_equal > 0 && below >= target) {
      return below == target ? midpoint(pivot, least_counted(values, weights, upper, n)) : pivot;
    }
    passed = pivot;
    begin = upper;
  }
  return passed;  // rounding of the sums kept the target out of reach
}

}  // namespace

double weighted_quantile(double* values, double* weights, std::size_t n, double level, double width) {
  if (!(level >= 0 && level <= 1)) throw InputError(sentence("level=", level, " must be in [0, 1]."));
  if (n == 0) return 0;
  if (width > 0) {
    std::vector<double> ends(2 * n);
    std::vector<double> end_weights(weights ? 2 * n : 0);
    for (std::size_t i = 0; i < n; ++i) {
      ends[2 * i] = values[i] - width;
      ends[2 * i + 1] = values[i] + width;
      if (weights) end_weights[2 * i] = end_weights[2 * i + 1] = weights[i];
    }
    return weighted_quantile(ends.data(), weights ? end_weights.data() : nullptr, 2 * n, level);
  }
  if (!weights) return plain_quantile(values, n, level);
  double total = 0;
  for (std::size_t i = 0; i < n; ++i) total += weights[i];
  return total > 0 ? select(values, weights, n, level * total) : 0;
}

}  // namespace curvature
