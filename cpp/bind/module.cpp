// The extension module's table of contents: one file a concept.
#include "bind/register.hpp"

PYBIND11_MODULE(_core, module) {
  module.doc() = "Curvature's C++ core. Private: use the package `curvature`.";
  curvature::register_errors(module);
  curvature::register_parameters(module);
  curvature::register_build_info(module);
  curvature::register_losses(module);
  curvature::register_table(module);
  curvature::register_levels(module);
  curvature::register_expansion(module);
  curvature::register_binned_table(module);
  curvature::register_forest(module);
  curvature::register_row_scorer(module);
  curvature::register_linear_model(module);
  curvature::register_boosting(module);
  curvature::register_linear(module);
  curvature::register_sgd(module);
  curvature::register_block_functions(module);
  curvature::register_kernels(module);
  curvature::register_sorted_kernels(module);
  curvature::register_sparse_kernels(module);
  curvature::register_linear_kernels(module);
  curvature::register_formulas(module);
  curvature::register_inference(module);
  curvature::register_profile(module);
  curvature::register_coordinate_descent(module);
}
