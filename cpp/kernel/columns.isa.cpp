#include "kernel/columns.hpp"

#include "base/isa_symbol.hpp"
#include "kernel/vectors.hpp"

namespace curvature::kernel {
namespace {

constexpr std::size_t kWidth = kLanes;
constexpr std::size_t kChains = 4;  // sums at once: an addition takes as long as four of them

template <class T>
double dot(const T* x, const double* u, std::size_t n) {
  Doubles sums[kChains] = {};
  std::size_t i = 0;
  for (; i + kChains * kWidth <= n; i += kChains * kWidth) {
#pragma GCC unroll 4
    for (std::size_t k = 0; k < kChains; ++k) {
      sums[k] = fused_multiply_add(widened(x + i + k * kWidth), load<Doubles>(u + i + k * kWidth), sums[k]);
    }
  }
  double sum = total((sums[0] + sums[1]) + (sums[2] + sums[3]));
  for (; i < n; ++i) sum += static_cast<double>(x[i]) * u[i];
  return sum;
}

template <class T>
void add(double step, const T* x, double center, const double* h, double* u, std::size_t n) {
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const Doubles z = widened(x + i) - center;
    store(u + i, fused_multiply_add(step * load<Doubles>(h + i), z, load<Doubles>(u + i)));
  }
  for (; i < n; ++i) u[i] += step * h[i] * (static_cast<double>(x[i]) - center);
}

template <class T>
Moments moments(const T* x, double center, const double* h, std::size_t n) {
  Doubles first{};
  Doubles second{};
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const Doubles z = widened(x + i) - center;
    const Doubles weighted = load<Doubles>(h + i) * z;
    first += weighted;
    second = fused_multiply_add(weighted, z, second);
  }
  Moments sum{total(first), total(second)};
  for (; i < n; ++i) {
    const double z = static_cast<double>(x[i]) - center;
    sum.first += h[i] * z;
    sum.second += h[i] * z * z;
  }
  return sum;
}

void add_scaled(double factor, const double* x, double* out, std::size_t n) {
  const Doubles factors = splat(factor);
  std::size_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    store(out + i, fused_multiply_add(factors, load<Doubles>(x + i), load<Doubles>(out + i)));
  }
  for (; i < n; ++i) out[i] += factor * x[i];
}

template <class T>
constexpr WholeColumns<T> whole_columns() {
  return {dot<T>, add<T>, moments<T>};
}

}  // namespace

extern const ColumnTable CURVATURE_ISA_SYMBOL(column_table){whole_columns<float>(), whole_columns<double>(),
                                                            add_scaled};

}  // namespace curvature::kernel
