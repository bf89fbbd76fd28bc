#include "loss/pointwise.hpp"

#include <algorithm>

#include "loss/start.hpp"

namespace curvature {
namespace {

constexpr double kEdge = 1e-10;  // a raw score of at most 23 where all labels agree

double start_of_mean(const LossInfo& info, double mean) {
  switch (info.link) {
    case Link::log:
      return score_of(info.link, mean > 0 ? mean : kEdge);
    case Link::logit:
    case Link::half_logit: {
      const double width = info.domain.high - info.domain.low;  // 1 of labels 0 and 1, 2 of -1 and 1
      return score_of(info.link, std::clamp((mean - info.domain.low) / width, kEdge, 1 - kEdge));
    }
    default:
      return score_of(info.link, mean);
  }
}

}  // namespace

std::vector<double> PointwiseLoss::start_scores(const LossTable& table, int threads) const {
  switch (start_) {
    case StartRule::mean:
      return {start_of_mean(info_, weighted_mean(table.columns[0], table, threads))};
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
