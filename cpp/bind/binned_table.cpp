#include "bind/binned_table.hpp"

#include <cmath>
#include <optional>
#include <type_traits>

#include <pybind11/stl.h>

#include "base/processors.hpp"
#include "base/threads.hpp"
#include "bind/array.hpp"
#include "bind/register.hpp"
#include "bind/table.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

constexpr std::size_t kMostRows = std::size_t{1} << 30;
constexpr std::int32_t kMostCodes = 65536;

using Bound = std::shared_ptr<BoundBinnedTable>;

Bound bin(const BoundTable& X, const std::optional<DoubleArray>& weights, std::int32_t max_bins, int n_jobs) {
  const Table& table = X.table();
  if (table.sparse) throw InputError("X is a sparse matrix: a Dataset holds dense tables only.");
  if (table.n_rows == 0 || table.columns.empty() || table.n_rows > kMostRows) {
    throw InputError(sentence("X has ", table.n_rows, " rows and ", table.columns.size(),
                              " features; at least 1 of each and at most ", kMostRows, " rows are allowed."));
  }
  if (max_bins < 2 || max_bins >= kMostCodes) {
    throw InputError(sentence("max_bins=", max_bins, " must be in [2, ", kMostCodes - 1, "]."));
  }
  if (weights) require_length(*weights, table.n_rows, "sample_weight");
  const double* const cut_weights = weights ? weights->data() : nullptr;
  const py::gil_scoped_release unlocked;
  const int threads = resolve_threads(n_jobs);
  Bound bound;
  with_team(threads, [&] {
    bound = std::make_shared<BoundBinnedTable>(
        BinnedTable(table, cut_weights, nullptr, max_bins, CodeOrders::rows_and_columns, threads));
  });
  return bound;
}

// Cuts end to end with the end of each feature's, and the codes of categories.
BinMapper read_mapper(const py::dict& arrays) {
  const auto all = to_vector<double>(arrays["cuts"]);
  const auto ends = to_vector<std::int64_t>(arrays["cut_ends"]);
  auto category_codes = to_vector<std::int32_t>(arrays["category_codes"]);
  if (ends.empty() || ends.size() != category_codes.size()) {
    throw InputError(sentence("the dataset has cuts of ", ends.size(), " features and codes of ", category_codes.size(),
                              "; as many, and at least 1, are wanted."));
  }
  std::vector<std::vector<double>> cuts;
  std::size_t begin = 0;
  for (std::size_t feature = 0; feature < ends.size(); ++feature) {
    const std::int64_t end = ends[feature];
    if (end < static_cast<std::int64_t>(begin) || end > static_cast<std::int64_t>(all.size())) {
      throw InputError(sentence("the dataset's cuts of feature ", feature, " end at ", end, "."));
    }
    const auto last = static_cast<std::size_t>(end);
    const std::int32_t codes = category_codes[feature];
    bool right = codes >= 0 && codes <= kMostCodes && last - begin + 2 <= static_cast<std::size_t>(kMostCodes) &&
                 (codes == 0 || last == begin);
    for (std::size_t i = begin; i < last; ++i) {
      right = right && std::isfinite(all[i]) && (i == begin || all[i - 1] < all[i]);
    }
    if (!right)
      throw InputError(sentence("the dataset's cuts of feature ", feature, " are not finite and increasing."));
    cuts.emplace_back(all.begin() + static_cast<std::ptrdiff_t>(begin), all.begin() + end);
    begin = last;
  }
  if (begin != all.size()) throw InputError("the dataset has cuts of no feature.");
  return BinMapper(std::move(cuts), std::move(category_codes));
}

// An array of the dict as it lies in memory.
template <class Code>
const Code* codes_of(const py::dict& arrays, const char* name, std::size_t wanted) {
  const py::object given = arrays[name];
  if (!py::array_t<Code, py::array::c_style>::check_(given)) {
    throw InputError(
        sentence("the dataset's ", name, " must be contiguous whole numbers of ", sizeof(Code), " bytes."));
  }
  const auto array = py::reinterpret_borrow<py::array>(given);
  require_length(array, wanted, name);
  const auto* data = static_cast<const Code*>(array.data());
  if (reinterpret_cast<std::uintptr_t>(data) % sizeof(Code) != 0) {
    throw InputError(sentence("the dataset's ", name, " must be aligned."));
  }
  return data;
}

Bound from_arrays(std::size_t n_rows, const py::dict& arrays, int n_jobs) {
  BinMapper mapper = read_mapper(arrays);
  if (n_rows == 0 || n_rows > kMostRows) throw InputError(sentence("the dataset has ", n_rows, " rows."));
  const BinnedSizes sizes = BinnedMatrix::sizes(mapper, n_rows);
  const BinnedCodes codes{codes_of<std::uint8_t>(arrays, "narrow_rows", sizes.narrow_rows),
                          codes_of<std::uint8_t>(arrays, "narrow_columns", sizes.narrow_columns),
                          codes_of<std::uint16_t>(arrays, "wide_rows", sizes.wide_rows),
                          codes_of<std::uint16_t>(arrays, "wide_columns", sizes.wide_columns)};
  Bound bound;
  {
    const py::gil_scoped_release unlocked;
    const int threads = resolve_threads(n_jobs);
    with_team(threads, [&] {
      bound = std::make_shared<BoundBinnedTable>(BinnedTable(std::move(mapper), n_rows, codes, threads));
    });
  }
  bound->memory = arrays;
  return bound;
}

Bound some_rows(const BoundBinnedTable& whole, const std::vector<std::int64_t>& given, int n_jobs) {
  const std::size_t n_rows = whole.table.matrix.n_rows();
  std::vector<RowIndex> rows;
  rows.reserve(given.size());
  for (const std::int64_t row : given) {
    if (row < 0 || row >= static_cast<std::int64_t>(n_rows)) {
      throw InputError(sentence("the dataset has ", n_rows, " rows, and no row ", row, "."));
    }
    rows.push_back(static_cast<RowIndex>(row));
  }
  if (rows.empty() || rows.size() > kMostRows)
    throw InputError(sentence("the dataset's view has ", rows.size(), " rows."));
  const py::gil_scoped_release unlocked;
  const int threads = resolve_threads(n_jobs);
  Bound bound;
  with_team(threads, [&] { bound = std::make_shared<BoundBinnedTable>(BinnedTable(whole.table, rows, threads)); });
  return bound;
}

template <class Code>
py::array view(const Bound& bound, const Code* data, std::size_t size) {
  py::array_t<Code> array({static_cast<py::ssize_t>(size)}, {static_cast<py::ssize_t>(sizeof(Code))}, data,
                          py::cast(bound));
  array.attr("flags").attr("writeable") = false;
  return array;
}

// What `from_arrays` reads; the codes are views.
py::dict arrays_of(const Bound& bound) {
  const BinMapper& mapper = bound->table.mapper;
  std::vector<double> cuts;
  std::vector<std::int64_t> ends;
  std::vector<std::int32_t> category_codes;
  for (std::size_t feature = 0; feature < mapper.n_features(); ++feature) {
    const std::vector<double>& own = mapper.cuts(feature);
    cuts.insert(cuts.end(), own.begin(), own.end());
    ends.push_back(static_cast<std::int64_t>(cuts.size()));
    category_codes.push_back(mapper.is_category(feature) ? mapper.n_codes(feature) : 0);
  }
  const BinnedCodes& codes = bound->table.matrix.codes();
  const BinnedSizes sizes = bound->table.matrix.sizes();
  py::dict arrays;
  arrays["cuts"] = to_array(cuts);
  arrays["cut_ends"] = to_array(ends);
  arrays["category_codes"] = to_array(category_codes);
  arrays["narrow_rows"] = view(bound, codes.narrow_rows, sizes.narrow_rows);
  arrays["narrow_columns"] = view(bound, codes.narrow_columns, sizes.narrow_columns);
  arrays["wide_rows"] = view(bound, codes.wide_rows, sizes.wide_rows);
  arrays["wide_columns"] = view(bound, codes.wide_columns, sizes.wide_columns);
  return arrays;
}

// A view of the codes of every feature, in the order of the features.
py::list columns_of(const Bound& bound) {
  const BinnedMatrix& matrix = bound->table.matrix;
  std::vector<py::object> columns(bound->table.mapper.n_features(), py::none());
  for (std::size_t slot = 0; slot < matrix.n_slots(); ++slot) {
    if (matrix.feature_of(slot) == BinnedMatrix::kNoFeature) continue;
    py::object& column = columns[static_cast<std::size_t>(matrix.feature_of(slot))];
    matrix.visit_column(slot, [&](const auto& codes) {
      if constexpr (std::is_pointer_v<std::decay_t<decltype(codes)>>) column = view(bound, codes, matrix.n_rows());
    });
  }
  return py::cast(columns);
}

}  // namespace

void register_binned_table(py::module_& module) {
  py::class_<BoundBinnedTable, Bound>(module, "BinnedTable")
      .def(py::init(&bin), py::arg("X"), py::arg("weights"), py::arg("max_bins"), py::arg("n_jobs") = -1)
      .def_static("from_arrays", &from_arrays, py::arg("n_rows"), py::arg("arrays"), py::arg("n_jobs") = -1)
      .def(
          "rows",
          [](const BoundBinnedTable& whole, const py::array& rows, int n_jobs) {
            return some_rows(whole, to_vector<std::int64_t>(rows), n_jobs);
          },
          py::arg("rows"), py::arg("n_jobs") = -1)
      .def("arrays", &arrays_of)
      .def("columns", &columns_of)
      .def("cuts", [](const BoundBinnedTable& bound,
                      std::size_t feature) { return to_array(bound.table.mapper.cuts(feature)); })
      .def_property_readonly("n_rows", [](const BoundBinnedTable& bound) { return bound.table.matrix.n_rows(); })
      .def_property_readonly("n_features",
                             [](const BoundBinnedTable& bound) { return bound.table.mapper.n_features(); });
}

}  // namespace curvature
