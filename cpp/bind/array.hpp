// NumPy arrays as views for the core.
#pragma once

#include <string>

#include <pybind11/numpy.h>

#include "base/errors.hpp"

namespace curvature {

using DoubleArray = pybind11::array_t<double, pybind11::array::c_style | pybind11::array::forcecast>;

/// Throws InputError unless the array has `n` elements in one dimension.
inline void require_length(const pybind11::array& array, std::size_t n, const char* name) {
  if (array.ndim() != 1 || static_cast<std::size_t>(array.size()) != n) {
    throw InputError(sentence(name, " must be one-dimensional with ", n, " elements, got ", array.size(), " in ",
                              array.ndim(), " dimensions."));
  }
}

template <class T>
[[nodiscard]] pybind11::array_t<T> to_array(const std::vector<T>& values) {
  return pybind11::array_t<T>(static_cast<pybind11::ssize_t>(values.size()), values.data());
}

template <class T>
[[nodiscard]] std::vector<T> to_vector(const pybind11::handle& object) {
  const auto array = pybind11::array_t<T, pybind11::array::c_style | pybind11::array::forcecast>::ensure(object);
  if (!array) throw pybind11::error_already_set();
  return std::vector<T>(array.data(), array.data() + array.size());
}

}  // namespace curvature
