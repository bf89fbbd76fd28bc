// The kernels of linear models, one by one and for a chosen instruction set, and what is made of them: for the tests.
#include <string>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "bind/array.hpp"
#include "bind/design.hpp"
#include "bind/register.hpp"
#include "kernel/gram.hpp"
#include "kernel/products.hpp"
#include "linear/cholesky.hpp"
#include "linear/gram.hpp"

namespace py = pybind11;

namespace curvature {
namespace {

/// The tables of one instruction set; a block is a C-contiguous float32 or float64 array of lines.
class LinearKernels {
 public:
  explicit LinearKernels(const std::string& isa) : set_(instruction_set_named(isa.c_str())) {}

  [[nodiscard]] py::array_t<double> dots(const py::array& lines, const DoubleArray& v) const {
    return with_lines(lines, lines.shape(0), [&](const auto& block, const auto& products, double* out) {
      products.dots(block, v.data(), out);
    });
  }
  [[nodiscard]] py::array_t<double> combine(const py::array& lines, const DoubleArray& r) const {
    return with_lines(lines, lines.shape(1), [&](const auto& block, const auto& products, double* out) {
      products.combine(block, r.data(), out);
    });
  }
  [[nodiscard]] py::array_t<double> dot_squares(const py::array& lines, const DoubleArray& d,
                                                const DoubleArray& center) const {
    return with_lines(lines, lines.shape(0), [&](const auto& block, const auto& products, double* out) {
      products.dot_squares(block, d.data(), center.data(), out);
    });
  }
  [[nodiscard]] py::array_t<double> combine_squares(const py::array& lines, const DoubleArray& d,
                                                    const DoubleArray& center) const {
    return with_lines(lines, lines.shape(1), [&](const auto& block, const auto& products, double* out) {
      products.combine_squares(block, d.data(), center.data(), out);
    });
  }
  // The Gram matrix of one panel, as full as the tiles of the lower triangle make it.
  [[nodiscard]] py::array_t<double> gram(const py::array& X, const DoubleArray& d, const DoubleArray& center) const {
    const auto n = static_cast<std::size_t>(X.shape(0));
    const auto p = static_cast<std::size_t>(X.shape(1));
    if (n > kernel::kPanelRows) throw InputError(sentence("X has ", n, " rows; a panel has ", kernel::kPanelRows, "."));
    const kernel::GramTable& table = kernel::gram_table(set_);
    const std::size_t n_strips = (p + table.strip_width - 1) / table.strip_width;
    const std::size_t size = n_strips * table.strip_width * n;
    AlignedBuffer<double> memory(2 * size);
    const kernel::Panel panel{memory.data(), memory.data() + size, n};
    const auto source = [&](auto number) {
      using T = decltype(number);
      const auto size_of = static_cast<py::ssize_t>(sizeof(T));
      return kernel::PanelSource<T>{static_cast<const T*>(X.data()),
                                    n,
                                    p,
                                    static_cast<std::size_t>(X.strides(0) / size_of),
                                    static_cast<std::size_t>(X.strides(1) / size_of),
                                    center.data()};
    };
    if (X.itemsize() == sizeof(float)) {
      table.pack_floats(source(float{}), d.data(), 0, n_strips, panel);
    } else {
      table.pack_doubles(source(double{}), d.data(), 0, n_strips, panel);
    }
    py::array_t<double> out(std::vector<std::size_t>{p, p});
    std::fill_n(out.mutable_data(), p * p, 0.0);
    for (std::size_t row = 0; row < n_strips; ++row) {
      for (std::size_t column = 0; column <= row; ++column) {
        table.multiply(panel, row, column, p, out.mutable_data(), p);
      }
    }
    return out;
  }

 private:
  template <class Compute>
  py::array_t<double> with_lines(const py::array& lines, py::ssize_t size, Compute&& compute) const {
    py::array_t<double> out(size);
    double* to = out.mutable_data();
    std::fill_n(to, size, 0.0);
    const auto block = [&](auto number) {
      using T = decltype(number);
      return kernel::Lines<T>{static_cast<const T*>(lines.data()), static_cast<std::size_t>(lines.shape(0)),
                              static_cast<std::size_t>(lines.shape(1)), static_cast<std::size_t>(lines.shape(1))};
    };
    const kernel::ProductTable& table = kernel::product_table(set_);
    if (lines.itemsize() == sizeof(float)) {
      compute(block(float{}), table.floats, to);
    } else {
      compute(block(double{}), table.doubles, to);
    }
    return out;
  }

  InstructionSet set_;
};

}  // namespace

void register_linear_kernels(py::module_& module) {
  py::class_<LinearKernels>(module, "LinearKernels")
      .def("dots", &LinearKernels::dots)
      .def("combine", &LinearKernels::combine)
      .def("dot_squares", &LinearKernels::dot_squares)
      .def("combine_squares", &LinearKernels::combine_squares)
      .def("gram", &LinearKernels::gram);
  module.def("linear_kernels", [](const std::string& isa) { return LinearKernels(isa); });
  // The lower triangle of X^T diag(d) X, of any design.
  module.def("weighted_gram", [](const py::object& X, const DoubleArray& d, const DoubleArray& center, int threads) {
    const Design design = design_of(X);
    py::array_t<double> out(std::vector<std::size_t>{design.n_columns(), design.n_columns()});
    weighted_gram(design, d.data(), center.data(), out.mutable_data(), threads);
    return out;
  });
  // (x of A x = b, which columns were dropped)
  module.def("cholesky_solve", [](const DoubleArray& A, const DoubleArray& b, int threads) {
    const auto n = static_cast<std::size_t>(A.shape(0));
    AlignedBuffer<double> matrix(n * n);
    std::copy_n(A.data(), n * n, matrix.data());
    const Cholesky factor(std::move(matrix), n, threads);
    std::vector<double> x(b.data(), b.data() + n);
    factor.solve(x.data());
    std::vector<std::size_t> dropped;
    for (std::size_t i = 0; i < n; ++i) {
      if (factor.is_dropped(i)) dropped.push_back(i);
    }
    return py::make_tuple(to_array(x), to_array(dropped));
  });
}

}  // namespace curvature
