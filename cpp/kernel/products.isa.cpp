#include "kernel/products.hpp"

#include <algorithm>

#include "base/isa_symbol.hpp"
#include "kernel/vectors.hpp"

namespace curvature::kernel {
namespace {

constexpr std::size_t kWidth = kLanes;
constexpr std::size_t kTogether = 4;  // lines that share what is loaded of the vector

// Calls visit(first line, lines at once) for all lines, four at a time while there are as many.
template <class Visit>
inline void in_groups(std::size_t n_lines, Visit&& visit) {
  std::size_t line = 0;
  for (; line + kTogether <= n_lines; line += kTogether) visit(line, std::integral_constant<std::size_t, kTogether>{});
  for (; line < n_lines; ++line) visit(line, std::integral_constant<std::size_t, 1>{});
}

template <class T>
[[gnu::flatten]] void dots(const Lines<T>& lines, const double* v, double* out) {
  in_groups(lines.n_lines, [&](std::size_t first, auto n) {
    const T* from[n];
    Doubles sums[n];
    for (std::size_t k = 0; k < n; ++k) {
      from[k] = lines.data + (first + k) * lines.stride;
      sums[k] = Doubles{};
    }
    std::size_t i = 0;
    for (; i + kWidth <= lines.length; i += kWidth) {
      const Doubles x = load<Doubles>(v + i);
      for (std::size_t k = 0; k < n; ++k) sums[k] += x * widened(from[k] + i);
    }
    for (std::size_t k = 0; k < n; ++k) {
      double sum = total(sums[k]);
      for (std::size_t rest = i; rest < lines.length; ++rest) sum += v[rest] * static_cast<double>(from[k][rest]);
      out[first + k] += sum;
    }
  });
}

template <class T>
[[gnu::flatten]] void combine(const Lines<T>& lines, const double* r, double* out) {
  in_groups(lines.n_lines, [&](std::size_t first, auto n) {
    const T* from[n];
    Doubles factors[n];
    for (std::size_t k = 0; k < n; ++k) {
      from[k] = lines.data + (first + k) * lines.stride;
      factors[k] = splat(r[first + k]);
    }
    std::size_t i = 0;
    for (; i + kWidth <= lines.length; i += kWidth) {
      Doubles sum = load<Doubles>(out + i);
      for (std::size_t k = 0; k < n; ++k) sum += factors[k] * widened(from[k] + i);
      store(out + i, sum);
    }
    for (; i < lines.length; ++i) {
      for (std::size_t k = 0; k < n; ++k) out[i] += r[first + k] * static_cast<double>(from[k][i]);
    }
  });
}

template <class T>
[[gnu::flatten]] void dot_squares(const Lines<T>& lines, const double* d, const double* center, double* out) {
  for (std::size_t line = 0; line < lines.n_lines; ++line) {
    const T* from = lines.data + line * lines.stride;
    const Doubles middle = splat(center[line]);
    Doubles sums{};
    std::size_t i = 0;
    for (; i + kWidth <= lines.length; i += kWidth) {
      const Doubles x = widened(from + i) - middle;
      sums += load<Doubles>(d + i) * (x * x);
    }
    double sum = total(sums);
    for (; i < lines.length; ++i) {
      const double x = static_cast<double>(from[i]) - center[line];
      sum += d[i] * (x * x);
    }
    out[line] += sum;
  }
}

template <class T>
[[gnu::flatten]] void combine_squares(const Lines<T>& lines, const double* d, const double* center, double* out) {
  for (std::size_t line = 0; line < lines.n_lines; ++line) {
    const T* from = lines.data + line * lines.stride;
    const Doubles factor = splat(d[line]);
    std::size_t i = 0;
    for (; i + kWidth <= lines.length; i += kWidth) {
      const Doubles x = widened(from + i) - load<Doubles>(center + i);
      store(out + i, load<Doubles>(out + i) + factor * (x * x));
    }
    for (; i < lines.length; ++i) {
      const double x = static_cast<double>(from[i]) - center[i];
      out[i] += d[line] * (x * x);
    }
  }
}

template <class T>
constexpr LineProducts<T> products_of() {
  return {dots<T>, combine<T>, dot_squares<T>, combine_squares<T>};
}

}  // namespace

extern const ProductTable CURVATURE_ISA_SYMBOL(product_table){products_of<float>(), products_of<double>()};

}  // namespace curvature::kernel
