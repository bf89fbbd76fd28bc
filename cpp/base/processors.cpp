#include "base/processors.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
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

// Processors granted by a control group, rounded up.
int cgroup_limit() {
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

int environment_limit() {
  const char* text = std::getenv("OMP_NUM_THREADS");
  const long wanted = text ? std::strtol(text, nullptr, 10) : 0;
  return wanted > 0 && wanted < kNoLimit ? static_cast<int>(wanted) : kNoLimit;
}

// What the calling thread was allowed at run time, by omp_set_num_threads or through threadpoolctl.
int openmp_limit() {
#ifdef CURVATURE_STD_THREADS
  return kNoLimit;
#else
  return std::max(1, omp_get_max_threads());
#endif
}

}  // namespace

int available_threads() { return std::min({affinity_limit(), cgroup_limit(), environment_limit(), openmp_limit()}); }

int resolve_threads(int n_jobs) { return n_jobs > 0 ? n_jobs : available_threads(); }

}  // namespace curvature
