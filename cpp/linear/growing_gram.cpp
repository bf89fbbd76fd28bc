#include "linear/growing_gram.hpp"

#include <algorithm>

#include "base/threads.hpp"
#include "kernel/gram.hpp"
#include "linear/gram.hpp"

namespace curvature {
namespace {

using kernel::kPanelRows;

constexpr std::size_t kFewColumns = 128;  // so few that rows are shared out instead

void pack(const kernel::PanelSource<float>& source, const double* d, std::size_t strip, const kernel::Panel& panel) {
  kernel::gram_table().pack_floats(source, d, strip, strip + 1, panel);
}
void pack(const kernel::PanelSource<double>& source, const double* d, std::size_t strip, const kernel::Panel& panel) {
  kernel::gram_table().pack_doubles(source, d, strip, strip + 1, panel);
}

// Rows of the lower triangle from strip `first` on are set. All threads pack a panel, then share its tiles.
template <class T>
void add_strips(const DenseMatrix<T>& matrix, const double* d, const double* center, std::size_t first, double* out,
                int threads) {
  const auto& table = kernel::gram_table();
  const std::size_t m = matrix.n_columns;
  const std::size_t n_strips = (m + table.strip_width - 1) / table.strip_width;
  const std::size_t size = n_strips * table.strip_width * kPanelRows;
  AlignedBuffer<double> memory(2 * size);
  std::fill(out + std::min(m, first * table.strip_width) * m, out + m * m, 0.0);
  for (std::size_t begin = 0; begin < matrix.n_rows; begin += kPanelRows) {
    const std::size_t n = std::min(kPanelRows, matrix.n_rows - begin);
    const kernel::Panel panel{memory.data(), memory.data() + size, n};
    const kernel::PanelSource<T> source{
        matrix.data + begin * matrix.row_stride, n, m, matrix.row_stride, matrix.column_stride, center};
    parallel_for(n_strips, threads, [&](std::size_t strip, int) { pack(source, d + begin, strip, panel); });
    parallel_for(n_strips - first, threads, [&](std::size_t task, int) {
      const std::size_t row = n_strips - 1 - task;  // the longest rows of tiles first
      for (std::size_t column = 0; column <= row; ++column) table.multiply(panel, row, column, m, out, m);
    });
  }
}

// Takes shift shift^T from the lower triangle's rows from `first` on, and mirrors them.
void complete(const double* shift, std::size_t first, std::size_t m, double* out, int threads) {
  constexpr std::size_t kTile = 64;
  parallel_ranges(m - first, kTile, threads, [&](std::size_t begin, std::size_t end, int) {
    for (std::size_t column = 0; column < first + end; column += kTile) {
      for (std::size_t a = first + begin; a < first + end; ++a) {
        for (std::size_t b = column; b < std::min(column + kTile, a + 1); ++b) {
          const double value = out[a * m + b] - shift[a] * shift[b];
          out[a * m + b] = value;
          out[b * m + a] = value;
        }
      }
    }
  });
}

}  // namespace

AlignedBuffer<double> grown_gram(const Design& design, const double* d, const double* center, const double* shift,
                                 const AlignedBuffer<double>& known, std::size_t n_known, int threads) {
  const std::size_t m = design.n_columns();
  AlignedBuffer<double> out(std::max<std::size_t>(1, m * m));
  std::size_t first = 0;  // row
  if (design.is_sparse() || m <= kFewColumns) {
    weighted_gram(design, d, center, out.data(), threads);
  } else {
    const std::size_t width = kernel::gram_table().strip_width;
    first = known.empty() ? 0 : n_known / width * width;
    for (std::size_t a = 0; a < first; ++a) std::copy_n(known.data() + a * n_known, first, out.data() + a * m);
    std::visit(
        [&](const auto& matrix) {
          if constexpr (requires { matrix.row_stride; }) {
            add_strips(matrix, d, center, first / width, out.data(), threads);
          }
        },
        design.matrix());
  }
  complete(shift, first, m, out.data(), threads);
  return out;
}

}  // namespace curvature
