// How many threads may run.
#pragma once

namespace curvature {

/// Processors this process may use: the least of affinity, cgroup quota, OMP_NUM_THREADS and what OpenMP was told at
/// run time (omp_set_num_threads, threadpoolctl); at least 1. The quota may have been read a second ago.
[[nodiscard]] int available_threads();

/// Threads that run for a user's n_jobs: a positive number as given, anything else all that are available.
[[nodiscard]] int resolve_threads(int n_jobs);

}  // namespace curvature
