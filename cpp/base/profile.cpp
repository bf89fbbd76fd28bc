#include "base/profile.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <utility>

namespace curvature::profile {
namespace detail {

std::atomic<int> listeners{0};

// One thread's totals. Written by that thread only; read by anyone, hence atomic. Lives on after its thread.
class Recorder {
 public:
  // Charges the time since the last switch to the phase that was running; returns it. -1: none.
  int switch_to(int phase) {
    const auto now = std::chrono::steady_clock::now();
    if (running_ >= 0) add(cells_[static_cast<std::size_t>(running_)].nanoseconds, (now - since_).count());
    since_ = now;
    return std::exchange(running_, phase);
  }
  void count(int phase, std::size_t work) {
    add(cells_[static_cast<std::size_t>(phase)].calls, 1);
    add(cells_[static_cast<std::size_t>(phase)].work, static_cast<std::int64_t>(work));
  }
  [[nodiscard]] std::array<PhaseTotals, kPhases.size()> read() const {
    std::array<PhaseTotals, kPhases.size()> out;
    for (std::size_t p = 0; p < out.size(); ++p) {
      out[p] = {cells_[p].nanoseconds.load(std::memory_order_relaxed), cells_[p].calls.load(std::memory_order_relaxed),
                cells_[p].work.load(std::memory_order_relaxed)};
    }
    return out;
  }

 private:
  struct Cell {
    std::atomic<std::int64_t> nanoseconds{0}, calls{0}, work{0};
  };
  static void add(std::atomic<std::int64_t>& to, std::int64_t amount) {
    to.store(to.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }

  std::array<Cell, kPhases.size()> cells_;
  std::chrono::steady_clock::time_point since_;
  int running_ = -1;
};

}  // namespace detail

namespace {

std::mutex registry_lock;
std::vector<std::unique_ptr<detail::Recorder>> registry;  // grows by one for every thread that ever recorded

detail::Recorder& this_thread() {
  thread_local detail::Recorder* mine = nullptr;
  if (!mine) {
    const std::lock_guard lock(registry_lock);
    registry.push_back(std::make_unique<detail::Recorder>());
    mine = registry.back().get();
  }
  return *mine;
}

}  // namespace

void start() { detail::listeners.fetch_add(1, std::memory_order_relaxed); }
void stop() { detail::listeners.fetch_sub(1, std::memory_order_relaxed); }

std::vector<std::array<PhaseTotals, kPhases.size()>> totals() {
  const std::lock_guard lock(registry_lock);
  std::vector<std::array<PhaseTotals, kPhases.size()>> out;
  out.reserve(registry.size());
  for (const auto& recorder : registry) out.push_back(recorder->read());
  return out;
}

void Scope::enter(Phase phase, std::size_t work) {
  recorder_ = &this_thread();
  outer_ = recorder_->switch_to(static_cast<int>(phase));
  recorder_->count(static_cast<int>(phase), work);
}

void Scope::leave() { recorder_->switch_to(outer_); }

}  // namespace curvature::profile
