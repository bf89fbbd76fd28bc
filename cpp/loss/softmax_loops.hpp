// The loops over rows of the softmax loss, once per instruction set.
#pragma once

#include <cstddef>

#include "base/instruction_set.hpp"

namespace curvature {

/// y holds class codes, or is a column of shares a class; scores, gradients and Hessians are a column of n rows a
/// class.
struct SoftmaxTable {
  void (*values)(const double* y, const double* const* scores, std::size_t n_classes, std::size_t n, double* values);
  void (*derivatives)(const double* y, const double* const* scores, std::size_t n_classes, std::size_t n,
                      double* const* gradients, double* const* hessians);
  void (*values_of_shares)(const double* const* y, const double* const* scores, std::size_t n_classes, std::size_t n,
                           double* values);
  void (*derivatives_of_shares)(const double* const* y, const double* const* scores, std::size_t n_classes,
                                std::size_t n, double* const* gradients, double* const* hessians);
  /// The derivatives in one number a row and class, and those of class k from it: the same bits.
  void (*pack)(const double* const* scores, std::size_t n_classes, std::size_t n, double* const* packed);
  void (*unpack)(const double* y, std::size_t k, const double* packed, std::size_t n, double* gradients,
                 double* hessians);
  void (*unpack_of_shares)(const double* const* y, std::size_t k, const double* packed, std::size_t n,
                           double* gradients, double* hessians);
};

extern const SoftmaxTable softmax_table_baseline;
extern const SoftmaxTable softmax_table_v3;
extern const SoftmaxTable softmax_table_v4;

}  // namespace curvature
