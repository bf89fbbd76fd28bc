#include "data/expansion.hpp"

#include <memory>
#include <optional>

#include <pybind11/stl.h>

#include "base/processors.hpp"
#include "bind/array.hpp"
#include "bind/register.hpp"
#include "bind/table.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

std::shared_ptr<Expansion> make(const std::vector<std::int32_t>& n_codes, const std::vector<std::int32_t>& first_codes,
                                const std::vector<bool>& marks_missing, const std::vector<double>& fills) {
  const std::size_t n = n_codes.size();
  if (first_codes.size() != n || marks_missing.size() != n || fills.size() != n) {
    throw InputError("an expansion needs n_codes, first_codes, marks_missing and fills of one length.");
  }
  std::vector<FeaturePlan> features;
  for (std::size_t j = 0; j < n; ++j) features.push_back({n_codes[j], first_codes[j], marks_missing[j], fills[j]});
  return std::make_shared<Expansion>(std::move(features));
}

// Null where there are no weights.
const double* pointer_to(const std::optional<DoubleArray>& weights, const Table& table) {
  if (!weights) return nullptr;
  require_length(*weights, table.n_rows, "sample_weight");
  return weights->data();
}

// (row, feature, whether it is an infinity)
py::tuple refused(const RefusedCell& cell) {
  return py::make_tuple(py::none(), py::make_tuple(cell.row, cell.feature, cell.is_infinite));
}

template <class T>
py::tuple dense(const Expansion& expansion, const Table& table, const double* weights, int threads) {
  py::array_t<T> numbers(std::vector<std::size_t>{table.n_rows, expansion.n_columns()});
  T* out = numbers.mutable_data();
  std::optional<RefusedCell> cell;
  {
    const py::gil_scoped_release unlocked;
    cell = expansion.fill(table, weights, threads, out);
  }
  return cell ? refused(*cell) : py::make_tuple(numbers, py::none());
}

template <class T>
py::tuple sparse(const Expansion& expansion, const Table& table, const double* weights, int threads) {
  py::array_t<std::int64_t> begin(static_cast<py::ssize_t>(table.n_rows + 1));
  std::int64_t* from = begin.mutable_data();
  std::optional<RefusedCell> cell;
  {
    const py::gil_scoped_release unlocked;
    cell = expansion.count(table, weights, threads, from);
  }
  if (cell) return refused(*cell);
  py::array_t<std::int32_t> columns(from[table.n_rows]);
  py::array_t<T> values(from[table.n_rows]);
  std::int32_t* to = columns.mutable_data();
  T* out = values.mutable_data();
  {
    const py::gil_scoped_release unlocked;
    expansion.fill(table, weights, threads, from, to, out);
  }
  const auto shape = py::make_tuple(table.n_rows, expansion.n_columns());
  return py::make_tuple(py::make_tuple(values, columns, begin, shape), py::none());
}

}  // namespace

void register_expansion(py::module_& module) {
  py::class_<Expansion, std::shared_ptr<Expansion>>(module, "Expansion")
      .def(py::init(&make), py::arg("n_codes"), py::arg("first_codes"), py::arg("marks_missing"), py::arg("fills"))
      .def_property_readonly("n_columns", &Expansion::n_columns)
      .def_property_readonly("is_sparse", &Expansion::is_sparse)
      // (X as designs are read, None), or (None, the first cell that is refused).
      .def(
          "design",
          [](const Expansion& expansion, const BoundTable& bound, const std::optional<DoubleArray>& weights,
             int n_jobs) {
            const Table& table = bound.table();
            expansion.check(table);
            const double* of_rows = pointer_to(weights, table);
            const int threads = resolve_threads(n_jobs);
            const auto made = [&]<class T>(T) {
              return expansion.is_sparse() ? sparse<T>(expansion, table, of_rows, threads)
                                           : dense<T>(expansion, table, of_rows, threads);
            };
            return expansion.fits_float(table) ? made(float{}) : made(double{});
          },
          py::arg("table"), py::arg("weights") = py::none(), py::arg("n_jobs") = -1);
  // Whether each feature has missing values, and the means of numbers, in rows of weight above 0.
  module.def(
      "feature_summaries",
      [](const BoundTable& bound, const std::optional<DoubleArray>& weights, int n_jobs) {
        const Table& table = bound.table();
        const double* of_rows = pointer_to(weights, table);
        std::vector<FeatureSummary> found;
        {
          const py::gil_scoped_release unlocked;
          found = summaries(table, of_rows, resolve_threads(n_jobs));
        }
        py::array_t<bool> has_missing(static_cast<py::ssize_t>(found.size()));
        py::array_t<double> means(static_cast<py::ssize_t>(found.size()));
        for (std::size_t j = 0; j < found.size(); ++j) {
          has_missing.mutable_data()[j] = found[j].has_missing;
          means.mutable_data()[j] = found[j].mean;
        }
        return py::make_tuple(has_missing, means);
      },
      py::arg("table"), py::arg("weights") = py::none(), py::arg("n_jobs") = -1);
}

}  // namespace curvature
