// The kernels of sparse nodes, for a chosen instruction set: for the tests.
#include <algorithm>
#include <string>
#include <vector>

#include <pybind11/stl.h>

#include "bind/array.hpp"
#include "bind/register.hpp"
#include "kernel/partition.hpp"
#include "kernel/sparse_bounds.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

template <class T>
using Array = py::array_t<T, py::array::c_style | py::array::forcecast>;

// A node's share of a word: (codes, 8) cells and counts, which are copied, and its totals.
struct Share {
  Array<Cell> cells;
  Array<RowCount> counts;
  double bound = 0;

  Share(const py::tuple& given, kernel::SparseNode& node)
      : cells(copied<Cell>(given[0])), counts(copied<RowCount>(given[1])) {
    node.cells = cells.mutable_data();
    node.counts = counts.mutable_data();
    node.bounds = &bound;
    node.sum = given[2].cast<Cell>();
    node.n_rows = given[3].cast<std::size_t>();
  }

  template <class T>
  [[nodiscard]] static Array<T> copied(const py::handle& given) {
    const auto array = given.cast<Array<T>>();
    return Array<T>({array.shape(0), array.shape(1)}, array.data());
  }

  [[nodiscard]] py::tuple told() const { return py::make_tuple(cells, counts, bound); }
};

// node, parent: (cells, counts, sum, rows), the node's without the default codes; `sister_totals`: its sum and rows.
// Returns (cells, counts, bound) of the node and of its sister.
py::tuple sparse_bounds(const std::string& isa, const py::tuple& node, const py::tuple& parent,
                        const std::vector<std::uint16_t>& default_codes, std::size_t least, double lambda, double alpha,
                        double min_hessian) {
  kernel::SparseBoundsTask task;
  Share own(node, task.node);
  Share sister(parent, task.sister);
  task.sister.sum -= task.node.sum;
  task.sister.n_rows -= task.node.n_rows;
  const Word word{.lines = static_cast<std::int32_t>(own.cells.shape(0)), .slots = kWordSlots, .has_missing = true};
  const std::uint32_t only = 0;
  task.words = &word;
  task.listed = &only;
  task.n_listed = 1;
  task.default_codes = default_codes.data();
  task.least = least;
  for (kernel::SparseNode* one : {&task.node, &task.sister}) {
    one->scored.gradient = static_cast<double>(gradient_sum(one->sum));
    one->scored.hessian = static_cast<double>(hessian_sum(one->sum));
    one->scored.lambda = lambda;
    one->scored.alpha = alpha;
    one->scored.min_hessian = min_hessian;
  }
  kernel::sparse_bounds_table(instruction_set_named(isa.c_str())).bound(task);
  return py::make_tuple(own.told(), sister.told());
}

// `kept_rows` and `kept_codes`: a column's cells of other codes than `default_code`. All rows are in increasing order.
py::tuple partition_sparse(const std::string& isa, const std::vector<RowIndex>& kept_rows,
                           const std::vector<std::uint16_t>& kept_codes, std::uint16_t default_code,
                           std::vector<RowIndex> rows, std::int32_t bin, bool missing_left) {
  std::vector<RowIndex> right(rows.size());
  const kernel::SparseColumn column{kept_rows.data(), kept_codes.data(), kept_rows.size(), default_code};
  const std::size_t n_left = kernel::partition(rows.data(), rows.size(), column, {bin, missing_left}, right.data(),
                                               kernel::partition_table(instruction_set_named(isa.c_str())));
  right.resize(rows.size() - n_left);
  rows.resize(n_left);
  return py::make_tuple(to_array(rows), to_array(right));
}

}  // namespace

void register_sparse_kernels(py::module_& module) {
  module.def("sparse_bounds", &sparse_bounds);
  module.def("partition_sparse", &partition_sparse);
}

}  // namespace curvature
