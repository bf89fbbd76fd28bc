#include "kernel/gram.hpp"

#include <algorithm>

#include "base/isa_symbol.hpp"
#include "math/simd.hpp"

namespace curvature::kernel {
namespace {

constexpr std::size_t kVectors = 3;                 // of a strip
constexpr std::size_t kStrip = kVectors * kLanes;   // columns
constexpr std::size_t kRows = kLanes == 2 ? 2 : 4;  // of a tile that are summed up at once, in registers
static_assert(kStrip % kRows == 0);

template <class T>
void pack(const PanelSource<T>& source, const double* d, std::size_t first, std::size_t last, const Panel& out) {
  for (std::size_t strip = first; strip < last; ++strip) {
    const std::size_t begin = strip * kStrip;
    const std::size_t width = std::min(kStrip, source.n_columns - begin);
    double* plain = out.plain + begin * out.n_rows;
    double* weighted = out.weighted + begin * out.n_rows;
    double center[kStrip] = {};
    if (source.center) std::copy_n(source.center + begin, width, center);
    if (width < kStrip) {
      std::fill_n(plain, out.n_rows * kStrip, 0.0);
      std::fill_n(weighted, out.n_rows * kStrip, 0.0);
    }
    const T* from = source.data + begin * source.column_stride;
    if (source.column_stride == 1 && width == kStrip) {
      for (std::size_t row = 0; row < out.n_rows; ++row, plain += kStrip, weighted += kStrip) {
        const T* line = from + row * source.row_stride;
#pragma GCC unroll 24
        for (std::size_t c = 0; c < kStrip; ++c) plain[c] = static_cast<double>(line[c]) - center[c];
#pragma GCC unroll 24
        for (std::size_t c = 0; c < kStrip; ++c) weighted[c] = d[row] * plain[c];
      }
    } else {
      for (std::size_t c = 0; c < width; ++c) {
        const T* column = from + c * source.column_stride;
        for (std::size_t row = 0; row < out.n_rows; ++row) {
          const double x = static_cast<double>(column[row * source.row_stride]) - center[c];
          plain[row * kStrip + c] = x;
          weighted[row * kStrip + c] = d[row] * x;
        }
      }
    }
  }
}

// kRows x kStrip sums in registers: kVectors loads and kRows broadcasts for kRows * kVectors multiply-adds.
inline void add_products(const double* left, const double* right, std::size_t n, Doubles (&sums)[kRows][kVectors]) {
  for (std::size_t k = 0; k < n; ++k, left += kStrip, right += kStrip) {
    Doubles x[kVectors];
#pragma GCC unroll 4
    for (std::size_t v = 0; v < kVectors; ++v) x[v] = load<Doubles>(right + v * kLanes);
#pragma GCC unroll 8
    for (std::size_t r = 0; r < kRows; ++r) {
      const Doubles factor = splat(left[r]);
#pragma GCC unroll 4
      for (std::size_t v = 0; v < kVectors; ++v) sums[r][v] = fused_multiply_add(factor, x[v], sums[r][v]);
    }
  }
}

void multiply(const Panel& panel, std::size_t row, std::size_t column, std::size_t n_columns, double* out,
              std::size_t stride) {
  const double* left = panel.weighted + row * kStrip * panel.n_rows;
  const double* right = panel.plain + column * kStrip * panel.n_rows;
  const std::size_t height = std::min(kStrip, n_columns - row * kStrip);
  const std::size_t width = std::min(kStrip, n_columns - column * kStrip);
  for (std::size_t r = 0; r < height; r += kRows) {
    Doubles sums[kRows][kVectors] = {};
    add_products(left + r, right, panel.n_rows, sums);
    double tile[kRows][kStrip];
    for (std::size_t k = 0; k < kRows; ++k) {
      for (std::size_t v = 0; v < kVectors; ++v) store(&tile[k][v * kLanes], sums[k][v]);
    }
    for (std::size_t k = 0; k < std::min(kRows, height - r); ++k) {
      double* to = out + (row * kStrip + r + k) * stride + column * kStrip;
      for (std::size_t c = 0; c < width; ++c) to[c] += tile[k][c];
    }
  }
}

}  // namespace

extern const GramTable CURVATURE_ISA_SYMBOL(gram_table){kStrip, pack<float>, pack<double>, multiply};

}  // namespace curvature::kernel
