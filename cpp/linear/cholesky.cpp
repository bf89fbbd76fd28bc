#include "linear/cholesky.hpp"

#include <algorithm>
#include <cmath>

#include "base/threads.hpp"
#include "kernel/gram.hpp"
#include "kernel/products.hpp"

namespace curvature {
namespace {

constexpr std::size_t kBlock = kernel::kPanelRows;  // columns factored before the rest is brought up to date

double dot(const double* a, const double* b, std::size_t n) {
  double sum = 0;
  kernel::product_table().doubles.dots({a, 1, n, n}, b, &sum);
  return sum;
}

// matrix[i, j] -= sum of matrix[i, k] matrix[j, k] over the block's columns k, for i >= j >= end.
void update_rest(double* matrix, std::size_t n, std::size_t begin, std::size_t end, int threads) {
  const auto& table = kernel::gram_table();
  const std::size_t rest = n - end;
  const std::size_t n_strips = (rest + table.strip_width - 1) / table.strip_width;
  const std::size_t size = n_strips * table.strip_width * kBlock;
  AlignedBuffer<double> memory(2 * size);
  const kernel::Panel panel{memory.data(), memory.data() + size, end - begin};
  const std::vector<double> minus(end - begin, -1.0);
  // Row i of the rest is a column of the panel, the block's columns are its rows.
  const kernel::PanelSource<double> source{matrix + end * n + begin, end - begin, rest, 1, n, nullptr};
  parallel_for(n_strips, threads,
               [&](std::size_t strip, int) { table.pack_doubles(source, minus.data(), strip, strip + 1, panel); });
  parallel_for(n_strips, threads, [&](std::size_t task, int) {
    const std::size_t row = n_strips - 1 - task;
    for (std::size_t column = 0; column <= row; ++column) {
      table.multiply(panel, row, column, rest, matrix + end * n + end, n);
    }
  });
}

}  // namespace

Cholesky::Cholesky(AlignedBuffer<double> matrix, std::size_t n, int threads)
    : n_(n), factor_(std::move(matrix)), scales_(n) {
  for (std::size_t i = 0; i < n; ++i) {
    const double diagonal = factor_[i * n + i];
    scales_[i] = diagonal > 0 && std::isfinite(diagonal) ? 1 / std::sqrt(diagonal) : 0.0;
  }
  for (std::size_t i = 0; i < n; ++i) {
    double* row = factor_.data() + i * n;
    for (std::size_t j = 0; j < i; ++j) row[j] *= scales_[i] * scales_[j];
    row[i] = 1;
  }
  for (std::size_t begin = 0; begin < n; begin += kBlock) {
    const std::size_t end = std::min(n, begin + kBlock);
    factor_block(begin, end);
    // Rows below: x L^T = row, forwards.
    constexpr std::size_t kRows = 16;
    parallel_ranges(n - end, kRows, threads, [&](std::size_t first, std::size_t last, int) {
      for (std::size_t i = end + first; i < end + last; ++i) {
        double* row = factor_.data() + i * n;
        for (std::size_t j = begin; j < end; ++j) {
          const double* other = factor_.data() + j * n;
          const double sum = row[j] - dot(row + begin, other + begin, j - begin);
          row[j] = scales_[j] > 0 ? sum / other[j] : 0.0;
        }
      }
    });
    if (end < n) update_rest(factor_.data(), n, begin, end, threads);
  }
}

void Cholesky::factor_block(std::size_t begin, std::size_t end) {
  const double least = 1e-14 * static_cast<double>(n_);
  for (std::size_t i = begin; i < end; ++i) {
    double* row = factor_.data() + i * n_;
    for (std::size_t j = begin; j < i; ++j) {
      const double* other = factor_.data() + j * n_;
      const double sum = row[j] - dot(row + begin, other + begin, j - begin);
      row[j] = scales_[j] > 0 ? sum / other[j] : 0.0;
    }
    const double pivot = row[i] - dot(row + begin, row + begin, i - begin);
    if (scales_[i] > 0 && pivot > least) {
      row[i] = std::sqrt(pivot);
    } else {  // as if the column were not there
      std::fill(row, row + i, 0.0);
      row[i] = 1;
      scales_[i] = 0;
      ++n_dropped_;
    }
  }
}

void Cholesky::solve_half(double* x) const {
  for (std::size_t i = 0; i < n_; ++i) {
    const double* row = factor_.data() + i * n_;
    x[i] = scales_[i] > 0 ? (scales_[i] * x[i] - dot(row, x, i)) / row[i] : 0.0;
  }
}

void Cholesky::solve(double* x) const {
  solve_half(x);
  for (std::size_t i = n_; i-- > 0;) {
    const double* row = factor_.data() + i * n_;
    x[i] /= row[i];
    const double minus = -x[i];
    kernel::product_table().doubles.combine({row, 1, i, i}, &minus, x);
  }
  for (std::size_t i = 0; i < n_; ++i) x[i] *= scales_[i];
}

double Cholesky::inverse_form(const double* x) const {
  std::vector<double> half(x, x + n_);
  solve_half(half.data());
  return dot(half.data(), half.data(), n_);
}

}  // namespace curvature
