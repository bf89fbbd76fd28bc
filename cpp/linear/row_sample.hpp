// Rows at equal distances, copied, as a smaller problem of the same kind: a start for a solver that costs little.
#pragma once

#include <cstddef>
#include <vector>

#include "linear/problem.hpp"

namespace curvature {

class RowSample {
 public:
  /// Every row of `problem` whose number is a multiple of `every`.
  RowSample(const LinearProblem& problem, std::size_t every);
  RowSample(const RowSample&) = delete;
  RowSample& operator=(const RowSample&) = delete;

  [[nodiscard]] const LinearProblem& problem() const { return problem_; }

 private:
  struct Numbers {
    std::vector<float> floats;
    std::vector<double> doubles;
    std::vector<std::int64_t> begin;
    std::vector<std::int32_t> columns;

    template <template <class> class Matrix, class T>
    std::vector<T>& of(const Matrix<T>&) {
      if constexpr (sizeof(T) == sizeof(float)) {
        return floats;
      } else {
        return doubles;
      }
    }
  };
  Design copied(const Design& design, std::size_t every);
  const double* copied(const double* column, std::size_t n_rows, std::size_t every);

  Numbers numbers_;
  std::vector<std::vector<double>> columns_;
  LossTable target_;
  Design design_;
  LinearProblem problem_;
};

}  // namespace curvature
