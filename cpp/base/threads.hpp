// The one place where threads are made. Tasks are numbered; what a task computes may not depend on who runs it.
#pragma once

#include <cstddef>
#include <type_traits>

namespace curvature {

namespace detail {
using Task = void (*)(void* body, std::size_t task, int worker);
void run_tasks(std::size_t n_tasks, int threads, Task call, void* body);
void run_in_team(int threads, void (*call)(void* body), void* body);

template <class Body>
void* opaque(Body& body) {
  return const_cast<void*>(static_cast<const void*>(&body));
}
}  // namespace detail

/// Runs body() on this thread with a team of `threads` at hand: its calls of parallel_for share the team's workers
/// instead of starting their own. Workers wait awake for at most 50 microseconds, then asleep.
template <class Body>
void with_team(int threads, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  detail::run_in_team(threads, [](void* plain) { (*static_cast<Plain*>(plain))(); }, detail::opaque(body));
}

/// Runs body(task, worker) for every task in [0, n_tasks), with workers numbered below `threads`, tasks dealt out in
/// order as workers get free. A worker that never wakes up is not waited for. The first exception is carried to the
/// caller. Inside a task, in a forked child, or with one task or one thread, all runs on the calling thread, worker 0.
template <class Body>
void parallel_for(std::size_t n_tasks, int threads, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  detail::run_tasks(
      n_tasks, threads, [](void* plain, std::size_t task, int worker) { (*static_cast<Plain*>(plain))(task, worker); },
      detail::opaque(body));
}

/// Calls body(begin, end, worker) for consecutive ranges of `grain` items; the grid depends on sizes only.
template <class Body>
void parallel_ranges(std::size_t n, std::size_t grain, int threads, Body&& body) {
  const std::size_t n_tasks = (n + grain - 1) / grain;
  parallel_for(n_tasks, threads, [&](std::size_t task, int worker) {
    const std::size_t begin = task * grain;
    body(begin, begin + grain < n ? begin + grain : n, worker);
  });
}

}  // namespace curvature
