// The one place where threads are made. Tasks are numbered; what a task computes may not depend on who runs it.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace curvature {

/// Processors this process may use: the least of affinity, cgroup quota and OMP_NUM_THREADS; at least 1.
[[nodiscard]] int available_threads();

/// Threads that run for a user's n_jobs: a positive number as given, anything else all that are available.
[[nodiscard]] int resolve_threads(int n_jobs);

namespace detail {
using TaskFunction = void (*)(void* body, std::size_t task, int worker);
void run_tasks(std::size_t n_tasks, int threads, TaskFunction call, void* body);
}  // namespace detail

/// Runs body(task, worker) for every task in [0, n_tasks) on up to `threads` workers, tasks dealt out as workers get
/// free. The first exception is carried to the caller. Inside another region, in a forked child, or with one task or
/// one thread, everything runs on the calling thread as worker 0.
template <class Body>
void parallel_for(std::size_t n_tasks, int threads, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  detail::run_tasks(
      n_tasks, threads,
      [](void* opaque, std::size_t task, int worker) { (*static_cast<Plain*>(opaque))(task, worker); },
      const_cast<void*>(static_cast<const void*>(&body)));
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
