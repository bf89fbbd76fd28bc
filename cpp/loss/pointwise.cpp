#include "loss/pointwise.hpp"

#include <algorithm>
#include <numeric>

#include "loss/start.hpp"

namespace curvature {
namespace {

constexpr double kEdge = 1e-10;  // a raw score of at most 23 where all labels agree

// The response whose score is least, given the mean of y; one at a side where the least is at infinity.
struct StartResponse {
  double response = 0;
  bool at_the_end = false;
};

StartResponse start_response(const LossInfo& info, double mean, const LossTable& table) {
  switch (info.link) {
    case Link::log:
      return mean > 0 ? StartResponse{mean} : StartResponse{kEdge, true};
    case Link::logit:
    case Link::half_logit: {
      const double width = info.domain.high - info.domain.low;  // 1 of labels 0 and 1, 2 of -1 and 1
      const double share = (mean - info.domain.low) / width;
      const bool one_class = !(share > 0 && share < 1);
      double edge = kEdge;
      if (one_class && table.absent_weight > 0) {
        double total = table.weights ? 0 : static_cast<double>(table.n_rows);
        if (table.weights) total = std::accumulate(table.weights, table.weights + table.n_rows, 0.0);
        const double absent = weight_of_absent(table, {total});
        edge = absent / (absent + total);
      }
      return {std::clamp(share, edge, 1 - edge), one_class};
    }
    default:
      return {mean};
  }
}

}  // namespace

std::vector<double> PointwiseLoss::start_of_mean(const LossTable& table, int threads) const {
  const StartResponse start = start_response(info_, weighted_mean(table.columns[0], table, threads), table);
  const double score = score_of(info_.link, start.response);
  if (table.offsets.empty()) return {score};
  const double guess = score - level_of_offset(table, 0, info_.link, threads);
  if (start.at_the_end) return {guess};
  return search_start(*this, table, {guess}, threads);
}

std::vector<double> PointwiseLoss::start_scores(const LossTable& table, int threads) const {
  switch (start_) {
    case StartRule::mean:
      return start_of_mean(table, threads);
    case StartRule::quantile:
      return {start_quantile(table, info_.quantile_level, info_.insensitive_width)};
    case StartRule::zero:
      return {0.0};
    case StartRule::search:
      break;
  }
  return Loss::start_scores(table, threads);
}

}  // namespace curvature
