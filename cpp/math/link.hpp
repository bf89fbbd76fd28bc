// Links: how the raw score of a model follows from the response (a mean, a probability).
#pragma once

#include <cmath>

namespace curvature {

enum class Link {
  identity,
  log,         // response e^f
  log1p,       // response e^f - 1
  logit,       // response 1 / (1 + e^-f)
  half_logit,  // response 1 / (1 + e^-2f)
  clipped,     // response (min(max(f, -1), 1) + 1) / 2
  softmax,     // responses e^f_k / sum of e^f_j
};

[[nodiscard]] inline const char* name(Link link) {
  switch (link) {
    case Link::identity:
      return "identity";
    case Link::log:
      return "log";
    case Link::log1p:
      return "log1p";
    case Link::logit:
      return "logit";
    case Link::half_logit:
      return "half_logit";
    case Link::clipped:
      return "clipped";
    case Link::softmax:
      return "softmax";
  }
  return "";
}

/// The raw score of a response; of softmax up to a constant that all classes share.
[[nodiscard]] inline double score_of(Link link, double response) {
  switch (link) {
    case Link::log:
    case Link::softmax:
      return std::log(response);
    case Link::log1p:
      return std::log1p(response);
    case Link::logit:
      return std::log(response / (1 - response));
    case Link::half_logit:
      return 0.5 * std::log(response / (1 - response));
    case Link::clipped:
      return 2 * response - 1;
    case Link::identity:
      break;
  }
  return response;
}

}  // namespace curvature
