// Raw scores of a few rows straight from an array: what a server asks for, a row at a time. A bare CPython function of
// one argument, since pybind11's dispatch and its arrays would take as long as half of the trees.
#include <algorithm>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "bind/array.hpp"
#include "bind/register.hpp"
#include "model/row_walk.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

constexpr auto kFewRows = static_cast<py::ssize_t>(LazyBitSlicedForest::kFewRows);
constexpr std::size_t kFewSteps = 10'000;  // rows * trees that are not worth giving up the interpreter's lock
constexpr const char* kCapsule = "curvature.row_scorer";

class RowScorer {
 public:
  RowScorer(std::shared_ptr<const Forest> forest, std::vector<double> start_scores)
      : forest_(std::move(forest)),
        start_scores_(std::move(start_scores)),
        array_type_(py::module_::import("numpy").attr("ndarray")),
        double_(py::dtype::of<double>()) {
    if (start_scores_.size() != static_cast<std::size_t>(forest_->n_outputs())) {
      throw InputError(sentence("start_scores must have ", forest_->n_outputs(), " numbers."));
    }
  }

  // None where the array is for others to read: only up to 63 rows of float32 or float64, one after another, of as many
  // columns as the model has, in no subclass of an array.
  [[nodiscard]] py::object scores(PyObject* X) const {
    if (reinterpret_cast<PyObject*>(Py_TYPE(X)) != array_type_.ptr()) return py::none();
    const auto array = py::reinterpret_borrow<py::array>(X);
    if (array.ndim() != 2 || array.shape(0) == 0 || array.shape(0) >= kFewRows ||
        array.shape(1) != forest_->n_features() || (array.flags() & py::array::c_style) == 0) {
      return py::none();
    }
    const py::dtype dtype = array.dtype();
    const auto size = static_cast<std::size_t>(dtype.itemsize());
    const bool aligned = reinterpret_cast<std::uintptr_t>(array.data()) % size == 0;
    if (dtype.kind() != 'f' || dtype.byteorder() != '=' || !aligned || !row_walk()) return py::none();
    if (size == sizeof(float)) return scores_of<float>(array);
    if (size == sizeof(double)) return scores_of<double>(array);
    return py::none();
  }

 private:
  template <class X>
  [[nodiscard]] py::object scores_of(const py::array& array) const {
    const auto n_rows = static_cast<std::size_t>(array.shape(0));
    const auto* rows = static_cast<const X*>(array.data());
    const py::array scores = empty_scores(array.shape(0));
    double* out = static_cast<double*>(const_cast<void*>(scores.data()));
    for (std::size_t i = 0; i < n_rows; ++i) out = std::copy(start_scores_.begin(), start_scores_.end(), out);
    out -= n_rows * start_scores_.size();
    if (n_rows * forest_->n_trees() < kFewSteps) {
      row_walk_->add_scores(rows, n_rows, out);
    } else {
      const py::gil_scoped_release unlocked;
      row_walk_->add_scores(rows, n_rows, out);
    }
    return scores;
  }

  // (n,), or (n, n_outputs) where there are several; py::array's own way takes four times as long.
  [[nodiscard]] py::array empty_scores(py::ssize_t n_rows) const {
    const auto& numpy = py::detail::npy_api::get();
    const Py_intptr_t shape[] = {n_rows, static_cast<Py_intptr_t>(start_scores_.size())};
    PyObject* made =
        numpy.PyArray_NewFromDescr_(numpy.PyArray_Type_, py::dtype(double_).release().ptr(),
                                    start_scores_.size() == 1 ? 1 : 2, shape, nullptr, nullptr, 0, nullptr);
    if (!made) throw py::error_already_set();
    return py::reinterpret_steal<py::array>(made);
  }

  [[nodiscard]] const RowWalk* row_walk() const {
    std::call_once(planned_, [this] {
      if (RowWalk::fits(*forest_)) row_walk_ = std::make_unique<RowWalk>(*forest_);
    });
    return row_walk_.get();
  }

  std::shared_ptr<const Forest> forest_;
  std::vector<double> start_scores_;
  py::object array_type_;
  py::dtype double_;
  mutable std::once_flag planned_;
  mutable std::unique_ptr<const RowWalk> row_walk_;
};

PyObject* call(PyObject* self, PyObject* X) {
  try {
    return static_cast<const RowScorer*>(PyCapsule_GetPointer(self, kCapsule))->scores(X).release().ptr();
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

PyMethodDef row_scorer{"row_scorer", &call, METH_O, "Raw scores of a few rows of plain numbers, or None."};

}  // namespace

void register_row_scorer(py::module_& module) {
  module.def(
      "row_scorer",
      [](std::shared_ptr<Forest> forest, const py::handle& start_scores) {
        auto scorer = std::make_unique<RowScorer>(std::move(forest), to_vector<double>(start_scores));
        const py::capsule owner(scorer.get(), kCapsule, [](PyObject* capsule) {
          delete static_cast<RowScorer*>(PyCapsule_GetPointer(capsule, kCapsule));
        });
        (void)scorer.release();
        PyObject* function = PyCFunction_NewEx(&row_scorer, owner.ptr(), nullptr);
        if (!function) throw py::error_already_set();
        return py::reinterpret_steal<py::object>(function);
      },
      py::arg("forest"), py::arg("start_scores"),
      "A function of an array that gives the raw scores of its rows, or None where others must read it.");
}

}  // namespace curvature
