// A binary semaphore with a timed wait: raise() never blocks, so an audio callback may call it.
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

class Signal {
 public:
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

#if defined(__linux__)
  Signal() = default;

  void raise() noexcept {
    if (word_.exchange(1, std::memory_order_release) == 0) {
      syscall(kFutex, address(), FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    }
  }

  // Waits at most timeout_ns; true if it was raised. May return false early.
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
  Signal() : semaphore_(dispatch_semaphore_create(0)) {}
  ~Signal() { dispatch_release(semaphore_); }
  void raise() noexcept { dispatch_semaphore_signal(semaphore_); }
  bool wait_for(std::uint64_t timeout_ns) noexcept {
    const auto deadline = dispatch_time(DISPATCH_TIME_NOW, static_cast<std::int64_t>(timeout_ns));
    return dispatch_semaphore_wait(semaphore_, deadline) == 0;
  }

 private:
  dispatch_semaphore_t semaphore_;
#elif defined(_WIN32)
  Signal() : event_(CreateEventW(nullptr, FALSE, FALSE, nullptr)) {}
  ~Signal() { CloseHandle(event_); }
  void raise() noexcept { SetEvent(event_); }
  bool wait_for(std::uint64_t timeout_ns) noexcept {
    const auto milliseconds = static_cast<DWORD>((timeout_ns + 999'999) / 1'000'000);
    return WaitForSingleObject(event_, milliseconds) == WAIT_OBJECT_0;
  }

 private:
  HANDLE event_;
#else
  Signal() { sem_init(&semaphore_, 0, 0); }
  ~Signal() { sem_destroy(&semaphore_); }
  void raise() noexcept { sem_post(&semaphore_); }
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

// One look in a loop that waits for another core.
inline void relax() noexcept {
#if defined(__x86_64__) || defined(_M_X64) || defined(__i386__)
  _mm_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
  asm volatile("yield");
#endif
}

// A wait that was as short as this is likely to be so again: then looking for as long costs less than sleep
// and wake-up, which take some microseconds on either side. A paced stream's waits are longer, and it never
// looks twice.
inline constexpr std::uint64_t kShortWait = 50'000;  // ns
inline constexpr int kLooks = 64;                    // to one at the clock: some 2 us
// Where both sides share a core, or others want it too, looking only keeps the other side from running. So
// after looking in vain it is left out for once, then three times, seven, at most so often, until it helped
// again.
inline constexpr int kMostLeftOut = 63;

// A Signal that is only raised while somebody waits for it, so that the common case costs one load.
class Doorbell {
 public:
  // The ringing side, after it changed what the waiter looks for.
  void ring() noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with the one in wait_for
    if (waiting_.load(std::memory_order_relaxed)) signal_.raise();
  }

  // The same where a single change seldom is enough: raises only if `worth()`, what the waiter looks for,
  // holds. Of several ringers whose changes make it so together, the fences let at least one see all of them.
  template <class Worth>
  void ring_if(Worth worth) noexcept {
    std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with the one in wait_for
    if (waiting_.load(std::memory_order_relaxed) && worth()) signal_.raise();
  }

  // The same as ring(), heard also by a waiter that has not begun to wait: for a change it does not look for
  // itself.
  void ring_always() noexcept { signal_.raise(); }

  // The waiting side (one thread): waits unless `ready()` already holds. The caller looks again after.
  template <class Ready>
  void wait_for(std::uint64_t timeout_ns, Ready ready) noexcept {
    const bool looks = short_ && left_ == 0;
    if (looks && seen(ready)) return;
    const std::uint64_t began = now_ns();
    waiting_.store(true, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!ready()) signal_.wait_for(timeout_ns);
    waiting_.store(false, std::memory_order_relaxed);
    short_ = now_ns() - began < kShortWait;
    if (looks) {
      in_vain_ = std::min(2 * in_vain_ + 1, kMostLeftOut);
      left_ = in_vain_;
    } else if (left_ > 0) {
      --left_;
    }
  }

 private:
  // Whether `ready()` came to hold while it was looked at.
  template <class Ready>
  bool seen(Ready ready) noexcept {
    if (ready()) return true;
    const std::uint64_t began = now_ns();
    do {
      for (int i = 0; i < kLooks; ++i) {
        relax();
        if (ready()) {
          in_vain_ = 0;
          return true;
        }
      }
    } while (now_ns() - began < kShortWait);
    return false;
  }

  Signal signal_;
  std::atomic<bool> waiting_{false};
  // The waiting side's: whether its last sleep was short, how often looking is left out after it was in vain,
  // and how often it still will be.
  bool short_ = false;
  int in_vain_ = 0;
  int left_ = 0;
};

}  // namespace zc
