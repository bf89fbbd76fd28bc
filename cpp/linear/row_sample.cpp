#include "linear/row_sample.hpp"

#include <algorithm>
#include <type_traits>

namespace curvature {
namespace {

template <class T>
Design::Matrix gathered(const DenseMatrix<T>& from, std::size_t every, std::vector<T>& values,
                        std::vector<std::int64_t>&, std::vector<std::int32_t>&) {
  const std::size_t n = (from.n_rows + every - 1) / every;
  values.resize(n * from.n_columns);
  for (std::size_t i = 0; i < n; ++i) {
    const T* row = from.data + i * every * from.row_stride;
    T* to = values.data() + i * from.n_columns;
    for (std::size_t j = 0; j < from.n_columns; ++j) to[j] = row[j * from.column_stride];
  }
  return DenseMatrix<T>{values.data(), n, from.n_columns, from.n_columns, 1};
}

template <class T>
Design::Matrix gathered(const SparseMatrix<T>& from, std::size_t every, std::vector<T>& values,
                        std::vector<std::int64_t>& begin, std::vector<std::int32_t>& columns) {
  begin.push_back(0);
  for (std::size_t i = 0; i < from.n_rows; i += every) {
    columns.insert(columns.end(), from.columns + from.begin[i], from.columns + from.begin[i + 1]);
    values.insert(values.end(), from.values + from.begin[i], from.values + from.begin[i + 1]);
    begin.push_back(static_cast<std::int64_t>(values.size()));
  }
  return SparseMatrix<T>{begin.data(), columns.data(), values.data(), begin.size() - 1, from.n_columns};
}

}  // namespace

RowSample::RowSample(const LinearProblem& problem, std::size_t every)
    : design_(copied(problem.design, every)),
      problem_{design_,
               target_,
               problem.loss,
               {},
               problem.l1,
               problem.l2,
               problem.lower,
               problem.upper,
               problem.fit_intercept,
               problem.threads,
               problem.look_for_signals} {
  const std::size_t n = problem.design.n_rows();
  target_.n_rows = design_.n_rows();
  for (const double* column : problem.target.columns) target_.columns.push_back(copied(column, n, every));
  if (problem.target.weights) target_.weights = copied(problem.target.weights, n, every);
  for (const double* offset : problem.offsets) problem_.offsets.push_back(copied(offset, n, every));
}

Design RowSample::copied(const Design& design, std::size_t every) {
  return std::visit(
      [&](const auto& matrix) {
        return Design(gathered(matrix, every, numbers_.of(matrix), numbers_.begin, numbers_.columns));
      },
      design.matrix());
}

const double* RowSample::copied(const double* column, std::size_t n_rows, std::size_t every) {
  std::vector<double>& to = columns_.emplace_back();
  for (std::size_t i = 0; i < n_rows; i += every) to.push_back(column[i]);
  return to.data();
}

}  // namespace curvature
