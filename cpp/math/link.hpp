// Links: what turns a raw score into the response.
#pragma once

#include <cmath>

namespace curvature {

enum class Link { identity, logit };

/// The response for a raw score: f itself, or 1 / (1 + e^-f).
[[nodiscard]] inline double response(Link link, double score) {
  if (link == Link::identity) return score;
  const double e = std::exp(-std::abs(score));
  return score < 0 ? e / (1 + e) : 1 / (1 + e);
}

/// The raw score of a response; the inverse of `response`.
[[nodiscard]] inline double score_of(Link link, double response) {
  return link == Link::identity ? response : std::log(response / (1 - response));
}

}  // namespace curvature
