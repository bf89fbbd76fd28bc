#include "base/processors.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <thread>

#ifndef CURVATURE_STD_THREADS
#include <omp.h>
#endif
#ifdef __linux__
#include <sched.h>
#endif

namespace curvature {
namespace {

constexpr int kNoLimit = 1 << 20;

int affinity_limit() {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

int in_processors(double quota, double period) {
  if (!(quota > 0) || !(period > 0)) return kNoLimit;
  return std::max(1, static_cast<int>(std::ceil(quota / period)));
}

// Processors granted by the control groups of this process, rounded up: version 2 in its own group and all above it,
// version 1 where a container sees its group as the root.
int cgroup_limit() {
  int limit = kNoLimit;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (line.rfind("0::/", 0) != 0) continue;
    for (std::string path = line.substr(3);; path.resize(path.find_last_of('/'))) {
      std::ifstream file("/sys/fs/cgroup" + path + "/cpu.max");
      std::string quota;
      double period = 0;
      if (file >> quota >> period && quota != "max") {
        limit = std::min(limit, in_processors(std::strtod(quota.c_str(), nullptr), period));
      }
      if (path.empty()) break;
    }
  }
  double quota = -1;
  double period = 0;
  if (std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") >> quota) {
    std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_period_us") >> period;
    limit = std::min(limit, in_processors(quota, period));
  }
  return limit;
}

// The files take some 40 µs to read: they are read once a second at most.
int recent_cgroup_limit() {
  using Clock = std::chrono::steady_clock;
  static std::atomic<Clock::rep> stale{std::numeric_limits<Clock::rep>::min()};
  static std::atomic<int> limit{kNoLimit};
  const Clock::time_point now = Clock::now();
  if (now.time_since_epoch().count() >= stale.load(std::memory_order_acquire)) {
    limit.store(cgroup_limit(), std::memory_order_relaxed);
    stale.store((now + std::chrono::seconds(1)).time_since_epoch().count(), std::memory_order_release);
  }
  return limit.load(std::memory_order_relaxed);
}

int environment_limit() {
  const char* text = std::getenv("OMP_NUM_THREADS");
  const long wanted = text ? std::strtol(text, nullptr, 10) : 0;
  return wanted > 0 && wanted < kNoLimit ? static_cast<int>(wanted) : kNoLimit;
}

#ifdef CURVATURE_STD_THREADS
int openmp_limit() { return kNoLimit; }
#else
const int openmp_at_load = omp_get_max_threads();  // of the affinity then, which may have been widened since

// What the calling thread was allowed at run time, by omp_set_num_threads or through threadpoolctl.
int openmp_limit() {
  const int now = omp_get_max_threads();
  return now == openmp_at_load ? kNoLimit : std::max(1, now);
}
#endif

}  // namespace

int available_threads() {
  return std::min({affinity_limit(), recent_cgroup_limit(), environment_limit(), openmp_limit()});
}

int resolve_threads(int n_jobs) { return n_jobs > 0 ? n_jobs : available_threads(); }

}  // namespace curvature
