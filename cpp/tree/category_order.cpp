#include "tree/category_order.hpp"

#include <algorithm>

namespace curvature {
namespace {

struct Position {
  double mean = 0;  // of the gradients over the Hessians, mixed with the node's
  std::int32_t code = 0;
  Cell sum = 0;
};

}  // namespace

CategoryOrder::CategoryOrder(const Cell* cells, std::int32_t n_codes, NodeTotal node) {
  const auto node_hessian = static_cast<double>(hessian_sum(node.sum));
  const double node_mean = static_cast<double>(gradient_sum(node.sum)) / node_hessian;
  const double hessian_a_row = node_hessian / node.weight;
  const double smoothing = kCategoryRules.smoothing_rows * hessian_a_row;
  const double least = kCategoryRules.least_weight * hessian_a_row;
  const auto position_of = [&](std::int32_t code, Cell sum) {
    const auto hessian = static_cast<double>(hessian_sum(sum));
    const double excess = static_cast<double>(gradient_sum(sum)) - node_mean * hessian;
    return Position{excess / (hessian + smoothing), code, sum};
  };
  std::vector<Position> order;
  std::vector<std::int32_t> light;
  Cell light_sum = 0;
  for (std::int32_t code = 0; code < n_codes; ++code) {
    const Cell sum = cells[static_cast<std::ptrdiff_t>(code) * kWordSlots];
    if (sum == 0) continue;
    if (static_cast<double>(hessian_sum(sum)) < least) {
      light.push_back(code);
      light_sum += sum;
    } else {
      order.push_back(position_of(code, sum));
    }
  }
  constexpr std::int32_t kLight = -1;
  if (!light.empty()) order.push_back(position_of(kLight, light_sum));
  std::sort(order.begin(), order.end(),
            [](const Position& a, const Position& b) { return a.mean != b.mean ? a.mean < b.mean : a.code < b.code; });
  codes_.reserve(order.size() + light.size());
  for (const Position& position : order) {
    if (position.code == kLight) {
      codes_.insert(codes_.end(), light.begin(), light.end());
    } else {
      codes_.push_back(position.code);
    }
    ends_.push_back(codes_.size());
    sums_.push_back(position.sum);
  }
}

}  // namespace curvature
