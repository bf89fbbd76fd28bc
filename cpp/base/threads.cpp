#include "base/threads.hpp"

#ifdef CURVATURE_STD_THREADS
#include <thread>
#include <vector>
#else
#include <omp.h>
#endif
#ifdef __linux__
#include <pthread.h>
#endif

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>

namespace curvature::detail {
namespace {

// After fork() only the calling thread lives on, and libgomp would wait forever for its pool: the child stays serial.
std::atomic<bool> forked_child{false};
#ifdef __linux__
[[maybe_unused]] const int fork_handler =
    pthread_atfork(nullptr, nullptr, [] { forked_child.store(true, std::memory_order_relaxed); });
#endif

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Returns once `value` is no longer `old`: awake for at most 50 microseconds, then asleep until notified.
template <class T>
void await_change(const std::atomic<T>& value, T old) {
  constexpr auto kAwake = std::chrono::microseconds(50);
  constexpr int kPausesALook = 16;  // the clock costs as much as a few pauses
  const auto until = std::chrono::steady_clock::now() + kAwake;
  do {
    for (int i = 0; i < kPausesALook; ++i) {
      if (value.load(std::memory_order_acquire) != old) return;
      relax();
    }
  } while (std::chrono::steady_clock::now() < until);
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

// Threads that stand by for one caller. A *job* is a number of tasks; `ticket_` holds the job's number in its high half
// and the tasks not yet taken in its low half. Taking a task is one compare-and-swap of the whole, so a task is only
// ever taken of the living job, and the job's fields stay as they are until all its taken tasks are done.
class Team {
 public:
  explicit Team(int threads) : threads_(threads) {}
  [[nodiscard]] int threads() const { return threads_; }

  void run(std::size_t n_tasks, Task call, void* body) {
    call_ = call;
    body_ = body;
    n_tasks_ = static_cast<std::uint32_t>(n_tasks);
    done_.store(0, std::memory_order_relaxed);
    failure_ = nullptr;
    failed_.store(false, std::memory_order_relaxed);
    job_ = (job_ + 1) % kClosed;
    ticket_.store(job_ << 32 | n_tasks_, std::memory_order_release);
    ticket_.notify_all();
    while (take_and_run(0)) {
    }
    for (std::uint32_t done; (done = done_.load(std::memory_order_acquire)) < n_tasks_;) await_change(done_, done);
    if (failure_) std::rethrow_exception(failure_);
  }

  void serve(int worker) {
    for (;;) {
      const std::uint64_t ticket = ticket_.load(std::memory_order_acquire);
      if (ticket >> 32 == kClosed) return;
      if (static_cast<std::uint32_t>(ticket) == 0 || !take_and_run(worker)) await_change(ticket_, ticket);
    }
  }

  void close() {
    ticket_.store(kClosed << 32, std::memory_order_release);
    ticket_.notify_all();
  }

 private:
  static constexpr std::uint64_t kClosed = 0xffffffffu;

  bool take_and_run(int worker) {
    std::uint64_t ticket = ticket_.load(std::memory_order_acquire);
    do {
      if (static_cast<std::uint32_t>(ticket) == 0) return false;
    } while (!ticket_.compare_exchange_weak(ticket, ticket - 1, std::memory_order_acq_rel));
    const std::uint32_t n_tasks = n_tasks_;
    if (!failed_.load(std::memory_order_relaxed)) {
      try {
        call_(body_, n_tasks - static_cast<std::uint32_t>(ticket), worker);
      } catch (...) {
        if (!failed_.exchange(true)) failure_ = std::current_exception();
      }
    }
    if (done_.fetch_add(1, std::memory_order_acq_rel) + 1 == n_tasks) done_.notify_all();
    return true;
  }

  const int threads_;
  alignas(64) std::atomic<std::uint64_t> ticket_{0};
  alignas(64) std::atomic<std::uint32_t> done_{0};
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;
  std::uint64_t job_ = 0;
  std::uint32_t n_tasks_ = 0;
  Task call_ = nullptr;
  void* body_ = nullptr;
};

thread_local Team* current_team = nullptr;  // of the thread that opened it
thread_local bool inside_task = false;

// Calls member(number) on `threads` threads at once, number 0 on this one; returns when all have returned.
template <class Member>
void open_region(int threads, Member&& member) {
#ifdef CURVATURE_STD_THREADS
  std::vector<std::thread> others;
  for (int number = 1; number < threads; ++number) others.emplace_back([&, number] { member(number); });
  member(0);
  for (std::thread& other : others) other.join();
#else
#pragma omp parallel num_threads(threads)
  member(omp_get_thread_num());
#endif
}

template <class T>
class Restored {
 public:
  Restored(T& variable, T value) : variable_(variable), before_(variable) { variable = value; }
  ~Restored() { variable_ = before_; }
  Restored(const Restored&) = delete;
  Restored& operator=(const Restored&) = delete;

 private:
  T& variable_;
  T before_;
};

bool alone() {
  bool nested = inside_task || forked_child.load(std::memory_order_relaxed);
#ifndef CURVATURE_STD_THREADS
  nested = nested || omp_in_parallel();
#endif
  return nested;
}

}  // namespace

void run_in_team(int threads, void (*call)(void* body), void* body) {
  if (threads <= 1 || current_team || alone()) return call(body);
  Team team(threads);
  std::exception_ptr failure;
  open_region(threads, [&](int number) {
    if (number > 0) {
      const Restored<bool> task(inside_task, true);
      return team.serve(number);
    }
    const Restored<Team*> mine(current_team, &team);
    try {
      call(body);
    } catch (...) {
      failure = std::current_exception();
    }
    team.close();
  });
  if (failure) std::rethrow_exception(failure);
}

void run_tasks(std::size_t n_tasks, int threads, Task call, void* body) {
  constexpr std::size_t kMostTasks = 0xffffffffu;
  if (threads > 1 && n_tasks > 1 && n_tasks <= kMostTasks && !inside_task) {
    // A signal handler may call back from between two jobs, with fewer workers to be numbered than the team has.
    const bool fits = current_team && current_team->threads() <= threads;
    if (fits) {
      const Restored<bool> task(inside_task, true);
      return current_team->run(n_tasks, call, body);
    }
    if (!current_team && !alone()) {
      const int team = static_cast<int>(std::min<std::size_t>(n_tasks, static_cast<std::size_t>(threads)));
      return with_team(team, [&] { run_tasks(n_tasks, threads, call, body); });
    }
  }
  for (std::size_t task = 0; task < n_tasks; ++task) call(body, task, 0);
}

}  // namespace curvature::detail
