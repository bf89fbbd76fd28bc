// Where the scores of a fit start.
#pragma once

#include <vector>

#include "loss/loss.hpp"

namespace curvature {

/// Sum of w y over sum of w. Sums are over blocks that depend on n alone, added in their order: the same bits for any
/// number of threads.
[[nodiscard]] double weighted_mean(const double* y, const LossTable& table, int threads);

/// What an offset adds to the scores of an output, all in all: the logarithm of the mean of its exponential where the
/// link is the log, else its mean; 0 where there is none.
[[nodiscard]] double level_of_offset(const LossTable& table, std::size_t output, Link link, int threads);

/// What a class without weight counts for among classes of these weights: table.absent_weight, or half of the rarest
/// other class where that is less, so that weights in any unit leave it the rarest.
[[nodiscard]] double weight_of_absent(const LossTable& table, const std::vector<double>& class_weights);

/// The weighted quantile of the first column less the offset, see quantile.hpp.
[[nodiscard]] double start_quantile(const LossTable& table, double level, double width);

/// The scores downhill from `guess` where the weighted loss is least, one output after the other until none moves:
/// Newton's steps on its total slope, kept inside a bracket that shrinks at least by halves. The total is not above
/// that of the guess. Throws InputError where that is not finite.
[[nodiscard]] std::vector<double> search_start(const Loss& loss, const LossTable& table, std::vector<double> guess,
                                               int threads);

}  // namespace curvature
