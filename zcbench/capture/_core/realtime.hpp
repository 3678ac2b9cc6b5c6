// Real-time scheduling of the thread that captures: SCHED_FIFO, where the operating system has it.
//
// macOS and Windows give an audio callback's thread its real-time class by themselves (Core Audio's
// workgroup, MMCSS), and have no such priority for others: there it is not supported.
#pragma once

#include <cerrno>

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>

#include <thread>
#endif

namespace zc {

inline constexpr int kNotSupported = ENOSYS;

// Gives the calling thread the priority, 1..99. 0, or the operating system's error number. One system call:
// no lock, no allocation.
inline int schedule_this_thread(int priority) noexcept {
#if defined(__linux__)
  sched_param parameter{};
  parameter.sched_priority = priority;
  return pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameter);
#else
  static_cast<void>(priority);
  return kNotSupported;
#endif
}

// Whether a thread of this process may have the priority; tried on a thread made for it.
inline int try_schedule(int priority) {
#if defined(__linux__)
  int error = 0;
  std::thread([&] { error = schedule_this_thread(priority); }).join();
  return error;
#else
  return schedule_this_thread(priority);
#endif
}

}  // namespace zc
