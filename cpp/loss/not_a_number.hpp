// Scores that are no numbers in losses made of branches, which would answer for them with one of the branches.
// Included by sources that are compiled once per instruction set, hence the anonymous namespace.
#pragma once

namespace curvature {
namespace {

/// x, or NaN where `of` is NaN.
template <class V>
V unless_nan(V of, V x) {
  return of == of ? x : of;
}

}  // namespace
}  // namespace curvature
