// How many threads may run.
#pragma once

namespace curvature {

/// Processors this process may use: the least of affinity, cgroup quota and OMP_NUM_THREADS; at least 1.
[[nodiscard]] int available_threads();

/// Threads that run for a user's n_jobs: a positive number as given, anything else all that are available.
[[nodiscard]] int resolve_threads(int n_jobs);

}  // namespace curvature
