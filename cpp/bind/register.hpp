// What module.cpp calls.
#pragma once

#include <pybind11/pybind11.h>

namespace curvature {

void register_errors(pybind11::module_& module);
void register_parameters(pybind11::module_& module);
void register_build_info(pybind11::module_& module);
void register_losses(pybind11::module_& module);
void register_table(pybind11::module_& module);
void register_levels(pybind11::module_& module);
void register_expansion(pybind11::module_& module);
void register_binned_table(pybind11::module_& module);
void register_forest(pybind11::module_& module);
void register_row_scorer(pybind11::module_& module);
void register_linear_model(pybind11::module_& module);
void register_boosting(pybind11::module_& module);
void register_linear(pybind11::module_& module);
void register_sgd(pybind11::module_& module);
void register_linear_kernels(pybind11::module_& module);
void register_block_functions(pybind11::module_& module);
void register_kernels(pybind11::module_& module);
void register_sorted_kernels(pybind11::module_& module);
void register_sparse_kernels(pybind11::module_& module);
void register_formulas(pybind11::module_& module);
void register_inference(pybind11::module_& module);
void register_profile(pybind11::module_& module);
void register_coordinate_descent(pybind11::module_& module);

}  // namespace curvature
