// What a thread waits for without a lock: an Event, and an EventCount that makes notifying it cheap.
//
// EventCount is the idea of Dmitry Vyukov's and folly's class of that name: whoever changes something
// notifies after the change, and pays a system call only if somebody waits; the waiter announces itself,
// looks once more, and only then sleeps.
//
// Event is a binary semaphore with a timed wait: set() never blocks, so an audio callback may call it.
//
// std::binary_semaphore would do, but libstdc++ 12 waits with a growing sleep for the first 128 ms
// (bits/atomic_timed_wait.h, __timed_backoff_spin_policy), which would show up as delivery latency.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#if defined(__x86_64__) || defined(_M_X64) || defined(__i386__)
#include <immintrin.h>
#endif

#include "clock.hpp"

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#elif defined(__APPLE__)
#include <dispatch/dispatch.h>
#elif defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>
#else
#include <semaphore.h>
#include <time.h>
#endif

namespace zc {

class Event {
 public:
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

#if defined(__linux__)
  Event() = default;

  void set() noexcept {
    if (word_.exchange(1, std::memory_order_release) == 0) {
      syscall(kFutex, address(), FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    }
  }

  // Waits at most timeout_ns; true if it was set. May return false early.
  bool wait_for(std::uint64_t timeout_ns) noexcept {
    if (word_.exchange(0, std::memory_order_acquire) == 1) return true;
    timespec timeout{static_cast<time_t>(timeout_ns / 1'000'000'000),
                     static_cast<long>(timeout_ns % 1'000'000'000)};
    syscall(kFutex, address(), FUTEX_WAIT_PRIVATE, 0, &timeout, nullptr, 0);
    return word_.exchange(0, std::memory_order_acquire) == 1;
  }

 private:
#if defined(SYS_futex_time64)  // a 32-bit system, where a libc may have a time_t of either size
  static constexpr long kFutex = sizeof(time_t) > sizeof(long) ? SYS_futex_time64 : SYS_futex;
#else
  static constexpr long kFutex = SYS_futex;
#endif
  std::uint32_t* address() noexcept { return reinterpret_cast<std::uint32_t*>(&word_); }
  std::atomic<std::uint32_t> word_{0};
  static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));
#elif defined(__APPLE__)
  Event() : semaphore_(dispatch_semaphore_create(0)) {}
  ~Event() { dispatch_release(semaphore_); }
  void set() noexcept { dispatch_semaphore_signal(semaphore_); }
  bool wait_for(std::uint64_t timeout_ns) noexcept {
    const auto deadline = dispatch_time(DISPATCH_TIME_NOW, static_cast<std::int64_t>(timeout_ns));
    return dispatch_semaphore_wait(semaphore_, deadline) == 0;
  }

 private:
  dispatch_semaphore_t semaphore_;
#elif defined(_WIN32)
  Event() : event_(CreateEventW(nullptr, FALSE, FALSE, nullptr)) {}
  ~Event() { CloseHandle(event_); }
  void set() noexcept { SetEvent(event_); }
  bool wait_for(std::uint64_t timeout_ns) noexcept {
    const auto milliseconds = static_cast<DWORD>((timeout_ns + 999'999) / 1'000'000);
    return WaitForSingleObject(event_, milliseconds) == WAIT_OBJECT_0;
  }

 private:
  HANDLE event_;
#else
  Event() { sem_init(&semaphore_, 0, 0); }
  ~Event() { sem_destroy(&semaphore_); }
  void set() noexcept { sem_post(&semaphore_); }
  bool wait_for(std::uint64_t timeout_ns) noexcept {
    timespec deadline{};
    clock_gettime(CLOCK_REALTIME, &deadline);
    const auto nanoseconds = static_cast<std::uint64_t>(deadline.tv_nsec) + timeout_ns;
    deadline.tv_sec += static_cast<time_t>(nanoseconds / 1'000'000'000);
    deadline.tv_nsec = static_cast<long>(nanoseconds % 1'000'000'000);
    return sem_timedwait(&semaphore_, &deadline) == 0;
  }

 private:
  sem_t semaphore_;
#endif
};

// One turn of a loop that waits for another core.
inline void relax() noexcept {
#if defined(__x86_64__) || defined(_M_X64) || defined(__i386__)
  _mm_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
  asm volatile("yield");
#endif
}

// A wait that was as short as this is likely to be so again: then spinning for as long costs less than sleep
// and wake-up, which take some microseconds on either side. A paced stream's waits are longer, and it never
// spins.
inline constexpr std::uint64_t kShortWait = 50'000;  // ns
// Spins for each reading of the clock: some 2 us.
inline constexpr int kSpins = 64;
// Where both sides share a core, or others want it too, spinning only keeps the other side from running. So
// after a failed spin, skip the next 1, 3, 7 ... 63 (exponential back-off), until one helped again.
inline constexpr int kMaximumBackoff = 63;

// An Event that is only set while somebody waits for it, so that the common case costs one load.
class EventCount {
 public:
  // The notifying side, after it changed what the waiter looks for. Any thread.
  void notify() noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with the one in wait_for
    if (waiting_.load(std::memory_order_relaxed)) event_.set();
  }

  // The same where a single change seldom is enough: sets the event only if `worth()`, what the waiter looks
  // for, holds. Of several notifiers whose changes make it so together, the fences let at least one see all
  // of them.
  template <class Worth>
  void notify_if(Worth worth) noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with the one in wait_for
    if (waiting_.load(std::memory_order_relaxed) && worth()) event_.set();
  }

  // The same as notify(), heard also by a waiter that has not begun to wait: for a change it does not look
  // for itself.
  void notify_always() noexcept { event_.set(); }

  // The waiting side (one thread): waits unless `ready()` already holds. The caller looks again after.
  template <class Ready>
  void wait_for(std::uint64_t timeout_ns, Ready ready) noexcept {
    const bool spins = short_ && skips_left_ == 0;
    if (spins && spin(ready)) return;
    const std::uint64_t began = now_ns();
    waiting_.store(true, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!ready()) event_.wait_for(timeout_ns);
    waiting_.store(false, std::memory_order_relaxed);
    short_ = now_ns() - began < kShortWait;
    if (spins) {
      backoff_ = std::min(2 * backoff_ + 1, kMaximumBackoff);
      skips_left_ = backoff_;
    } else if (skips_left_ > 0) {
      --skips_left_;
    }
  }

 private:
  // True if `ready()` came to hold meanwhile.
  template <class Ready>
  bool spin(Ready ready) noexcept {
    if (ready()) return true;
    const std::uint64_t began = now_ns();
    do {
      for (int i = 0; i < kSpins; ++i) {
        relax();
        if (ready()) {
          backoff_ = 0;
          return true;
        }
      }
    } while (now_ns() - began < kShortWait);
    return false;
  }

  Event event_;
  std::atomic<bool> waiting_{false};
  // The waiting side's: whether its last sleep was short, how many spins are skipped after the next failed
  // one, and how many still are.
  bool short_ = false;
  int backoff_ = 0;
  int skips_left_ = 0;
};

}  // namespace zc
