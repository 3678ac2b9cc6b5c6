// The clock of every timestamp: the same as zcbench/clock.py, so both sides compare.
#pragma once

#include <cstdint>

#ifdef __APPLE__
#include <time.h>
#else
#include <chrono>
#endif

namespace zc {

inline std::uint64_t now_ns() noexcept {
#ifdef __APPLE__
  // CPython reads mach_absolute_time(), which is CLOCK_UPTIME_RAW; libc++'s steady_clock is not.
  return clock_gettime_nsec_np(CLOCK_UPTIME_RAW);
#else
  using namespace std::chrono;
  return static_cast<std::uint64_t>(
      duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count());
#endif
}

}  // namespace zc
