// The functions of math/ on arrays, for a chosen instruction set: for the tests and the micro-benchmarks.
#include "math/block_functions.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <pybind11/stl.h>

#include "bind/array.hpp"
#include "bind/register.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

InstructionSet set_of(const std::string& isa) {
  return isa.empty() ? instruction_set() : instruction_set_named(isa.c_str());
}

std::size_t padded_size(std::size_t n) {
  constexpr std::size_t kRowsAtOnce = 8;  // BlockRun asks for a multiple
  return (n + kRowsAtOnce - 1) / kRowsAtOnce * kRowsAtOnce;
}

// The numbers of an array, filled up with ones.
std::vector<double> padded(const DoubleArray& array) {
  std::vector<double> values(padded_size(static_cast<std::size_t>(array.size())), 1.0);
  std::copy(array.data(), array.data() + array.size(), values.begin());
  return values;
}

// Arrays of one dimension and one length; of a function of two, one may be a single number.
py::array_t<double> block_function(const std::string& name, const py::args& arrays, const std::string& isa) {
  const BlockFunction* function = find_block_function(name.c_str(), set_of(isa));
  if (function == nullptr) throw InputError(sentence("name='", name, "' must be one of block_functions()."));
  if (arrays.size() != static_cast<std::size_t>(function->arity)) {
    throw InputError(sentence("arrays must be ", function->arity, " for '", name, "', got ", arrays.size(), "."));
  }
  std::vector<DoubleArray> given;
  std::vector<std::vector<double>> blocks;
  py::ssize_t n = 0;
  for (const py::handle array : arrays) {
    given.push_back(py::cast<DoubleArray>(array));
    blocks.push_back(padded(given.back()));
    if (given.back().ndim() != 0) n = given.back().size();
  }
  BlockRun run = function->run;
  if (function->arity == 2 && given[0].ndim() == 0) {
    run = function->constant_left;
    require_length(given[1], static_cast<std::size_t>(n), "the array beside a constant");
  } else if (function->arity == 2 && given[1].ndim() == 0) {
    run = function->constant_right;
  } else {
    for (const DoubleArray& array : given) require_length(array, static_cast<std::size_t>(n), "each array");
  }
  const auto input = [&](std::size_t i) { return i < blocks.size() ? blocks[i].data() : nullptr; };
  std::vector<double> out(padded_size(static_cast<std::size_t>(n)));
  run(input(0), input(1), input(2), out.data(), out.size());
  return py::array_t<double>(n, out.data());
}

py::tuple sigmoid_pair(const DoubleArray& x, const std::string& isa) {
  require_length(x, static_cast<std::size_t>(x.size()), "x");
  const std::vector<double> block = padded(x);
  std::vector<double> out(block.size());
  std::vector<double> mirrored(block.size());
  block_function_table(set_of(isa)).sigmoid_pair(block.data(), out.data(), mirrored.data(), block.size());
  return py::make_tuple(py::array_t<double>(x.size(), out.data()), py::array_t<double>(x.size(), mirrored.data()));
}

std::map<std::string, int> block_functions() {
  const BlockFunctionTable& table = block_function_table();
  std::map<std::string, int> arities;
  for (std::size_t i = 0; i < table.size; ++i) arities[table.functions[i].name] = table.functions[i].arity;
  return arities;
}

}  // namespace

void register_block_functions(py::module_& module) {
  module.def("block_function", block_function, py::arg("name"), py::kw_only(), py::arg("isa") = "");
  module.def("sigmoid_pair", sigmoid_pair, py::arg("x"), py::arg("isa") = "");
  module.def("block_functions", block_functions);
}

}  // namespace curvature
