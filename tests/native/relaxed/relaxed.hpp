// What the core is given in place of <atomic>, <mutex>, futexes and plain memory: Relacy's, which run every
// thread as a fiber, choose what each load may see under the C++11 memory model, and find races and
// deadlocks. https://www.1024cores.net/home/relacy-race-detector (Debian: relacy-dev)
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <system_error>
#include <vector>

#include <relacy/relacy.hpp>
// The core allocates as it does; its memory is not what is checked here.
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free

namespace relaxed {

inline int weakened = -1;  // the memory order to weaken, by its number; none
inline rl::memory_order weakened_to = rl::mo_relaxed;

// Memory order `number` of the core's source.
inline rl::memory_order order(int number, rl::memory_order strong) {
  return number == weakened ? weakened_to : strong;
}

inline void fence(rl::memory_order order, const rl::debug_info& info) {
  if (order != rl::mo_relaxed) rl::atomic_thread_fence(order, info);
}

// A variable that is not atomic: two threads at it at once are a race.
template <class T>
class Plain {
 public:
  Plain(T value = T()) { value_($) = value; }
  Plain& operator=(T value) {
    value_($) = value;
    return *this;
  }
  // Dying is writing: who still uses it races with that.
  ~Plain() { value_($) = T(); }
  operator T() const { return const_cast<rl::var<T>&>(value_)($); }
  T operator->() const { return *this; }

 private:
  rl::var<T> value_;
};

class Lock {
 public:
  explicit Lock(rl::mutex& mutex) : mutex_(mutex) { mutex_.lock($); }
  ~Lock() { mutex_.unlock($); }

 private:
  rl::mutex& mutex_;
};

}  // namespace relaxed
