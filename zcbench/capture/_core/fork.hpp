// A forked child has a copy of every engine, but none of its threads, and the parent's page of counters.
#pragma once

#include <atomic>

#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace zc {

// How often this process was forked off, counted from the first that asked: what was made at another count
// belongs to a parent. A copy of it must do nothing: its threads are not there to be joined, and a slot that
// it returned would be counted on the parent's page.
class Forks {
 public:
  static unsigned count() noexcept { return count_.load(std::memory_order_relaxed); }
  // Once, before anything is made.
  static void watch() noexcept {
#if !defined(_WIN32)
    pthread_atfork(nullptr, nullptr, [] { count_.fetch_add(1, std::memory_order_relaxed); });
#endif
  }

 private:
  static inline std::atomic<unsigned> count_{0};
};

}  // namespace zc
