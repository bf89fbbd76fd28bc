// A Gram matrix to which columns are added.
#pragma once

#include <cstddef>

#include "base/aligned_buffer.hpp"
#include "data/design.hpp"

namespace curvature {

/// All m x m of sum of d_i (x_i - center) (x_i - center)^T - shift shift^T, rows of m. `known` is that of the first
/// n_known columns, or empty. Dense: (m^2 - n_known^2) n / 2 multiply-adds, shared by threads; sparse: all of it.
/// Sparse centers are taken as 0. The same bits for any number of threads.
[[nodiscard]] AlignedBuffer<double> grown_gram(const Design& design, const double* d, const double* center,
                                               const double* shift, const AlignedBuffer<double>& known,
                                               std::size_t n_known, int threads);

}  // namespace curvature
