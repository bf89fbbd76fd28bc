#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "loss/total_loss.hpp"

namespace curvature {
namespace {

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// The directions of L-BFGS (Nocedal 1980), which learns from the last steps how the scores depend on each other.
class Directions {
 public:
  [[nodiscard]] std::vector<double> next(const JointTotals& totals) const {
    std::vector<double> direction(totals.slopes);
    for (double& x : direction) x = -x;
    std::vector<double> shares(steps_.size());
    for (std::size_t i = steps_.size(); i-- > 0;) {
      shares[i] = dot(steps_[i].way, direction) / dot(steps_[i].way, steps_[i].turn);
      add(direction, steps_[i].turn, -shares[i]);
    }
    for (std::size_t k = 0; k < direction.size(); ++k) {
      if (totals.bends[k] != 0) direction[k] /= std::abs(totals.bends[k]);
    }
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const double share = dot(steps_[i].turn, direction) / dot(steps_[i].way, steps_[i].turn);
      add(direction, steps_[i].way, shares[i] - share);
    }
    return direction;
  }
  void learn(std::vector<double> way, std::vector<double> turn) {
    if (!(dot(way, turn) > 0)) return;
    if (steps_.size() == kRemembered) steps_.erase(steps_.begin());
    steps_.push_back({std::move(way), std::move(turn)});
  }
  static void add(std::vector<double>& to, const std::vector<double>& what, double share) {
    for (std::size_t k = 0; k < to.size(); ++k) to[k] += share * what[k];
  }

 private:
  static constexpr std::size_t kRemembered = 8;
  struct Step {
    std::vector<double> way;
    std::vector<double> turn;  // by how much the slopes changed
  };
  std::vector<Step> steps_;
};

}  // namespace

bool descend_jointly(const TotalLoss& loss, std::vector<double>& scores) {
  constexpr int kSteps = 40;
  constexpr int kHalvings = 20;
  constexpr double kLongest = 16;
  JointTotals here = loss.jointly_at(scores);
  Directions directions;
  for (int step = 0; step < kSteps && here.finite(); ++step) {
    const std::vector<double> way = directions.next(here);
    const double promise = dot(way, here.slopes);
    if (!(promise < -1e-15 * here.value_size)) return true;
    double length = 1;
    for (std::size_t k = 0; k < way.size(); ++k) {
      length = std::min(length, kLongest * std::max(1.0, std::abs(scores[k])) / std::abs(way[k]));
    }
    for (int i = 0;; ++i, length /= 2) {
      if (i == kHalvings) return false;
      std::vector<double> there = scores;
      Directions::add(there, way, length);
      JointTotals found = loss.jointly_at(there);
      if (!found.finite() || found.value > here.value + 1e-4 * length * promise) continue;
      std::vector<double> gone(way), turn(found.slopes);
      for (double& x : gone) x *= length;
      Directions::add(turn, here.slopes, -1);
      directions.learn(std::move(gone), std::move(turn));
      scores = std::move(there);
      here = std::move(found);
      break;
    }
  }
  return false;
}

}  // namespace curvature
