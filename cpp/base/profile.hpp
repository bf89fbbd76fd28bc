// Where the time goes: seconds, calls and work of each phase, thread by thread. Off unless asked for; then a scope
// costs two looks at the clock, off it costs one load.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace curvature {

enum class Phase : std::uint8_t {
  ingest,
  cuts,
  bin,
  gradient,
  quantize,
  accumulate,
  scan,
  partition,
  update,
  predict,
  product,
  gram
};

/// A phase's name, and what its work counts.
struct PhaseName {
  const char* name;
  const char* unit;
};
inline constexpr std::array kPhases{
    PhaseName{"ingest", "values"},     PhaseName{"cuts", "values"},    PhaseName{"bin", "cells"},
    PhaseName{"gradient", "rows"},     PhaseName{"quantize", "rows"},  PhaseName{"accumulate", "updates"},
    PhaseName{"scan", "bins"},         PhaseName{"partition", "rows"}, PhaseName{"update", "rows"},
    PhaseName{"predict", "row-trees"}, PhaseName{"product", "values"}, PhaseName{"gram", "updates"},
};

/// One thread's running totals of a phase.
struct PhaseTotals {
  std::int64_t nanoseconds = 0;
  std::int64_t calls = 0;
  std::int64_t work = 0;
};

namespace profile {

/// Profiling is on while more have started than stopped it.
void start();
void stop();

/// Totals since the process began, a row for every thread that ever recorded.
[[nodiscard]] std::vector<std::array<PhaseTotals, kPhases.size()>> totals();

namespace detail {
extern std::atomic<int> listeners;
class Recorder;
}  // namespace detail

/// Charges the time of its life to a phase of this thread, less the time of the scopes inside it.
class Scope {
 public:
  Scope(Phase phase, std::size_t work) {
    if (detail::listeners.load(std::memory_order_relaxed) > 0) enter(phase, work);
  }
  ~Scope() {
    if (recorder_) leave();
  }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  void enter(Phase phase, std::size_t work);
  void leave();

  detail::Recorder* recorder_ = nullptr;
  int outer_ = -1;
};

}  // namespace profile
}  // namespace curvature
