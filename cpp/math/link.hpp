// Links: how the raw score of a model follows from the response (a mean, a probability).
#pragma once

#include <cmath>

namespace curvature {

enum class Link { identity, logit };

/// The raw score of a response.
[[nodiscard]] inline double score_of(Link link, double response) {
  return link == Link::identity ? response : std::log(response / (1 - response));
}

}  // namespace curvature
