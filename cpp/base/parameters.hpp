// Parameters declared once: a plain struct with defaults, and a table of its members with bounds and a sentence each.
#pragma once

#include <limits>
#include <string>
#include <tuple>
#include <type_traits>

#include "base/errors.hpp"

namespace curvature {

/// An interval of allowed values. `none_allowed`: Python's None is accepted and stored as 0, "no limit".
struct Bounds {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false;
  bool high_open = false;
  bool none_allowed = false;

  [[nodiscard]] constexpr bool contain(double value) const {
    if (none_allowed && value == 0) return true;
    if (!(low_open ? value > low : value >= low)) return false;
    return (high_open ? value < high : value <= high) && value < std::numeric_limits<double>::infinity();
  }
  [[nodiscard]] constexpr Bounds or_none() const {
    Bounds relaxed = *this;
    relaxed.none_allowed = true;
    return relaxed;
  }
};

[[nodiscard]] constexpr Bounds at_least(double low) { return {.low = low}; }
[[nodiscard]] constexpr Bounds more_than(double low) { return {.low = low, .low_open = true}; }
[[nodiscard]] constexpr Bounds between(double low, double high) { return {.low = low, .high = high}; }
[[nodiscard]] constexpr Bounds more_than_up_to(double low, double high) {
  return {.low = low, .high = high, .low_open = true};
}

[[nodiscard]] constexpr Bounds inside(double low, double high) {
  return {.low = low, .high = high, .low_open = true, .high_open = true};
}

template <class Struct, class Value>
struct Field {
  const char* name;
  Value Struct::* member;
  Bounds bounds;
  const char* doc;
};
template <class Struct, class Value>
Field(const char*, Value Struct::*, Bounds, const char*) -> Field<Struct, Value>;

/// "in [2, 65535]", "at least 0", "more than 0": how a bound is said.
[[nodiscard]] std::string describe(const Bounds& bounds);

template <class Params, class Visit>
void for_each_field(Visit&& visit) {
  std::apply([&](const auto&... field) { (visit(field), ...); }, Params::fields());
}

/// Throws InputError for the first member out of its bounds (NaN is out of any).
template <class Params>
void check(const Params& params) {
  for_each_field<Params>([&](const auto& field) {
    const auto value = params.*field.member;
    if (!field.bounds.contain(static_cast<double>(value))) {
      throw InputError(sentence(field.name, "=", value, " must be ", describe(field.bounds), "."));
    }
  });
}

}  // namespace curvature
