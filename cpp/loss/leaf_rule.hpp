// How trees turn a loss into the values of their leaves.
#pragma once

namespace curvature {

/// How a leaf's value is found from its rows.
enum class LeafRule {
  newton,    // one step on a curvature that bounds the loss, or that the field trusts
  halved,    // the same, halved until the leaf's loss does not rise
  quantile,  // the weighted quantile of y - f that minimises the leaf's loss
  searched,  // a search for the least loss of the leaf; for formulas made of straight pieces
};

[[nodiscard]] inline const char* name(LeafRule rule) {
  switch (rule) {
    case LeafRule::newton:
      return "newton";
    case LeafRule::halved:
      return "halved";
    case LeafRule::quantile:
      return "quantile";
    case LeafRule::searched:
      return "searched";
  }
  return "";
}

}  // namespace curvature
