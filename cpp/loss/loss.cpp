#include "loss/loss.hpp"

#include <algorithm>
#include <string_view>

#include "base/errors.hpp"
#include "loss/logistic.hpp"
#include "loss/squared.hpp"

namespace curvature {
namespace {

const PointwiseLoops& find_loops(const std::string& name, InstructionSet set) {
  static const PerInstructionSet<PointwiseTable> tables{
      pointwise_table_baseline,
#ifdef CURVATURE_HAS_X86_LEVELS
      pointwise_table_v3,
      pointwise_table_v4,
#endif
  };
  const PointwiseTable& table = tables.of(set);
  std::string known;
  for (std::size_t i = 0; i < table.n_losses; ++i) {
    if (table.losses[i].name == name) return table.losses[i];
    known += (i == 0 ? "'" : ", '") + std::string(table.losses[i].name) + "'";
  }
  throw InputError(sentence("loss='", name, "' must be one of ", known, "."));
}

}  // namespace

Loss::Loss(const std::string& name, InstructionSet set) : loops_(&find_loops(name, set)) {
  const auto describe = [this]<class L>(L) {
    if (std::string_view(L::name) != loops_->name) return;
    link_ = L::link;
    domain_ = L::domain;
    constant_hessian_ = L::constant_hessian;
  };
  describe(Squared{});
  describe(Logistic{});
}

double Loss::start_score(const double* y, const double* weights, std::size_t n) const {
  constexpr std::size_t kBlock = 4096;  // partial sums keep the rounding error near that of one block
  double total = 0;
  double total_weight = 0;
  for (std::size_t begin = 0; begin < n; begin += kBlock) {
    double sum = 0;
    double weight = 0;
    for (std::size_t i = begin; i < std::min(begin + kBlock, n); ++i) {
      const double w = weights ? weights[i] : 1.0;
      sum += w * y[i];
      weight += w;
    }
    total += sum;
    total_weight += weight;
  }
  const double mean = total / total_weight;
  if (link_ == Link::identity) return mean;
  constexpr double kEdge = 1e-10;  // a raw score of at most 23 where all labels agree
  const double width = domain_.high - domain_.low;
  return score_of(link_, std::clamp(mean, domain_.low + kEdge * width, domain_.high - kEdge * width));
}

}  // namespace curvature
