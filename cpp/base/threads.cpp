#include "base/threads.hpp"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <string>
#include <thread>

#ifdef __linux__
#include <pthread.h>
#include <sched.h>
#endif

namespace curvature {
namespace {

// After fork() only the calling thread lives on, and libgomp would wait forever for its pool: the child stays serial.
std::atomic<bool> forked_child{false};

#ifdef __linux__
[[maybe_unused]] const int fork_handler =
    pthread_atfork(nullptr, nullptr, [] { forked_child.store(true, std::memory_order_relaxed); });

int affinity_limit() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

// Processors granted by a control group, rounded up; a large number where there is no limit.
int cgroup_limit() {
  constexpr int kNoLimit = 1 << 20;
  double quota = -1;
  double period = 0;
  if (std::ifstream v2("/sys/fs/cgroup/cpu.max"); v2) {
    std::string first;
    if (v2 >> first >> period && first != "max") quota = std::strtod(first.c_str(), nullptr);
  } else if (std::ifstream v1("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"); v1 >> quota) {
    std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_period_us") >> period;
  }
  if (quota <= 0 || period <= 0) return kNoLimit;
  return std::max(1, static_cast<int>(std::ceil(quota / period)));
}
#else
int affinity_limit() { return static_cast<int>(std::max(1u, std::thread::hardware_concurrency())); }
int cgroup_limit() { return affinity_limit(); }
#endif

}  // namespace

int available_threads() {
  int threads = std::min(affinity_limit(), cgroup_limit());
  if (const char* text = std::getenv("OMP_NUM_THREADS")) {
    const int wanted = std::atoi(text);
    if (wanted > 0) threads = std::min(threads, wanted);
  }
  return threads;
}

int resolve_threads(int n_jobs) { return n_jobs > 0 ? n_jobs : available_threads(); }

namespace detail {

void run_tasks(std::size_t n_tasks, int threads, TaskFunction call, void* body) {
  const int team = static_cast<int>(std::min<std::size_t>(n_tasks, static_cast<std::size_t>(std::max(threads, 1))));
  if (team <= 1 || omp_in_parallel() || forked_child.load(std::memory_order_relaxed)) {
    for (std::size_t task = 0; task < n_tasks; ++task) call(body, task, 0);
    return;
  }
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr failure;
#pragma omp parallel num_threads(team)
  {
    const int worker = omp_get_thread_num();
    for (std::size_t task; !failed.load(std::memory_order_relaxed) && (task = next.fetch_add(1)) < n_tasks;) {
      try {
        call(body, task, worker);
      } catch (...) {
        if (!failed.exchange(true)) failure = std::current_exception();
      }
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace detail
}  // namespace curvature
