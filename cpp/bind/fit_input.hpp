// What fits of both model families are given by Python.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

#include "bind/array.hpp"
#include "loss/loss.hpp"

namespace curvature {

/// The target's columns and weights as views; the arrays must outlive it. Throws InputError where lengths differ or the
/// loss reads another number of columns.
[[nodiscard]] LossTable loss_table(const std::vector<DoubleArray>& columns, const std::optional<DoubleArray>& weights,
                                   const Loss& loss, std::size_t n_rows);

/// The offsets' columns as views; the arrays must outlive them. Throws InputError unless there are none, or one for
/// each score.
[[nodiscard]] std::vector<const double*> offset_columns(const std::vector<DoubleArray>& offsets, const Loss& loss,
                                                        std::size_t n_rows);

/// Looks for Ctrl-C, every 50 ms at most; called without the GIL.
[[nodiscard]] std::function<void()> stop_on_signal();

}  // namespace curvature
