// Errors a user can cause. Each message is one sentence: the argument, what was given, what is allowed.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace curvature {

/// Reaches Python as ValueError.
class InputError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// Reaches Python as curvature.ModelFormatError: a model that was read does not hold together.
class ModelError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// "max_bins=", 70000, " must be …" joined as text.
template <class... Parts>
[[nodiscard]] std::string sentence(const Parts&... parts) {
  std::ostringstream out;
  out.precision(15);  // integers in full
  (out << ... << parts);
  return out.str();
}

}  // namespace curvature
