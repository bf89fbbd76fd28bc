#include "linear/gram.hpp"

#include <algorithm>

#include "base/profile.hpp"
#include "base/threads.hpp"
#include "kernel/gram.hpp"
#include "kernel/sparse_products.hpp"

namespace curvature {
namespace {

using kernel::kPanelRows;

std::size_t strips_of(std::size_t n_columns) {
  const std::size_t width = kernel::gram_table().strip_width;
  return (n_columns + width - 1) / width;
}

void pack(const DenseMatrix<float>& matrix, std::size_t begin, std::size_t n, const double* center, const double* d,
          std::size_t first, std::size_t last, const kernel::Panel& panel) {
  kernel::gram_table().pack_floats(
      {matrix.data + begin * matrix.row_stride, n, matrix.n_columns, matrix.row_stride, matrix.column_stride, center},
      d, first, last, panel);
}
void pack(const DenseMatrix<double>& matrix, std::size_t begin, std::size_t n, const double* center, const double* d,
          std::size_t first, std::size_t last, const kernel::Panel& panel) {
  kernel::gram_table().pack_doubles(
      {matrix.data + begin * matrix.row_stride, n, matrix.n_columns, matrix.row_stride, matrix.column_stride, center},
      d, first, last, panel);
}

template <class T>
void add_gram(const SparseMatrix<T>& matrix, std::size_t begin, std::size_t end, const double* d, double* out,
              std::size_t stride) {
  kernel::sparse_gram<T>({matrix.begin + begin, matrix.columns, matrix.values, end - begin}, d, out, stride);
}

// Few columns: each thread sums up stretches of rows. The sums of at most 16 stretches are kept beside each other.
void gram_by_rows(const Design& design, const double* d, const double* center, double* out, int threads) {
  constexpr std::size_t kMostParts = 16;
  constexpr std::size_t kMostMemory = std::size_t{1} << 25;  // numbers of all parts together
  const std::size_t n = design.n_rows();
  const std::size_t p = design.n_columns();
  const std::size_t a_part_takes = std::max<std::size_t>(1, p * p);
  const std::size_t n_parts =
      std::clamp<std::size_t>(std::min(n / (4 * kPanelRows), kMostMemory / a_part_takes), 1, kMostParts);
  const std::size_t rows = (n + n_parts - 1) / n_parts;
  PartialSums sums(n_parts, p * p);
  parallel_for(n_parts, threads, [&](std::size_t part, int) {
    GramPanel panel(design.is_sparse() ? 0 : p);
    const std::size_t begin = std::min(n, part * rows);
    panel.add(design, begin, std::min(n, begin + rows), d + begin, center, sums.of(part), p);
  });
  sums.add_up(out);
}

// Many columns: all threads pack a panel, then share the tiles of the result.
template <class T>
void gram_by_tiles(const DenseMatrix<T>& matrix, const double* d, const double* center, double* out, int threads) {
  constexpr std::size_t kStripsTogether = 4;
  const auto& table = kernel::gram_table();
  const std::size_t p = matrix.n_columns;
  const std::size_t n_strips = strips_of(p);
  const std::size_t size = n_strips * table.strip_width * kPanelRows;
  AlignedBuffer<double> memory(2 * size);
  const std::size_t n_groups = (n_strips + kStripsTogether - 1) / kStripsTogether;
  std::fill_n(out, p * p, 0.0);
  for (std::size_t begin = 0; begin < matrix.n_rows; begin += kPanelRows) {
    const std::size_t n = std::min(kPanelRows, matrix.n_rows - begin);
    const kernel::Panel panel{memory.data(), memory.data() + size, n};
    parallel_for(n_groups, threads, [&](std::size_t group, int) {
      const std::size_t first = group * kStripsTogether;
      pack(matrix, begin, n, center, d + begin, first, std::min(n_strips, first + kStripsTogether), panel);
    });
    parallel_for(n_groups, threads, [&](std::size_t task, int) {
      const profile::Scope scope(Phase::gram, 0);
      const std::size_t group = n_groups - 1 - task;  // the longest rows of tiles first
      const std::size_t first = group * kStripsTogether;
      const std::size_t last = std::min(n_strips, first + kStripsTogether);
      for (std::size_t column = 0; column < last; ++column) {
        for (std::size_t row = std::max(first, column); row < last; ++row)
          table.multiply(panel, row, column, p, out, p);
      }
    });
  }
}

}  // namespace

GramPanel::GramPanel(std::size_t n_columns)
    : n_columns_(n_columns), memory_(2 * strips_of(n_columns) * kernel::gram_table().strip_width * kPanelRows) {}

void GramPanel::add(const Design& design, std::size_t begin, std::size_t end, const double* d, const double* center,
                    double* out, std::size_t stride) {
  const std::size_t p = design.n_columns();
  const profile::Scope scope(Phase::gram, (end - begin) * (design.is_sparse() ? 0 : p * (p + 1) / 2));
  const auto& table = kernel::gram_table();
  const std::size_t n_strips = strips_of(n_columns_);
  const auto add_dense = [&](const auto& matrix) {
    for (std::size_t first = begin; first < end; first += kPanelRows) {
      const std::size_t n = std::min(kPanelRows, end - first);
      const kernel::Panel panel{memory_.data(), memory_.data() + memory_.size() / 2, n};
      pack(matrix, first, n, center, d + (first - begin), 0, n_strips, panel);
      for (std::size_t row = 0; row < n_strips; ++row) {
        for (std::size_t column = 0; column <= row; ++column) {
          table.multiply(panel, row, column, n_columns_, out, stride);
        }
      }
    }
  };
  std::visit(
      [&](const auto& matrix) {
        if constexpr (requires { matrix.row_stride; }) {
          add_dense(matrix);
        } else {
          add_gram(matrix, begin, end, d, out, stride);
        }
      },
      design.matrix());
}

std::vector<double> column_centers(const LinearProblem& problem) {
  const Design& design = problem.design;
  std::vector<double> centers(design.n_columns(), 0.0);
  if (design.is_sparse() || !problem.fit_intercept) return centers;
  constexpr std::size_t kStretches = 64;
  constexpr std::size_t kRows = 16;  // of a stretch
  const std::size_t step = std::max(kRows, design.n_rows() / kStretches);
  const double* weights = problem.target.weights;
  const double most = weights ? *std::max_element(weights, weights + design.n_rows()) : 1.0;
  std::vector<double> shares(kRows);  // of the largest weight: their sums cannot overflow
  double seen = 0;
  for (std::size_t begin = 0; begin < design.n_rows(); begin += step) {
    const std::size_t end = std::min(design.n_rows(), begin + kRows);
    for (std::size_t i = begin; i < end; ++i) {
      shares[i - begin] = problem.weight(i) / most;
      seen += shares[i - begin];
    }
    design.transpose_times(begin, end, shares.data(), centers.data());
  }
  for (double& center : centers) center = seen > 0 ? center / seen : 0.0;
  return centers;
}

void weighted_gram(const Design& design, const double* d, const double* center, double* out, int threads) {
  constexpr std::size_t kFew = 128;  // columns
  const std::size_t p = design.n_columns();
  if (p <= kFew || design.is_sparse()) return gram_by_rows(design, d, center, out, threads);
  const profile::Scope scope(Phase::gram, design.n_rows() * p * (p + 1) / 2);
  std::visit(
      [&](const auto& matrix) {
        if constexpr (requires { matrix.row_stride; }) gram_by_tiles(matrix, d, center, out, threads);
      },
      design.matrix());
}

}  // namespace curvature
