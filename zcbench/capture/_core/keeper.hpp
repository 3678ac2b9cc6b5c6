// The thread that keeps an adaptive pool at its size.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>

#include "capture.hpp"

namespace zc {

class Keeper {
 public:
  explicit Keeper(Capture& capture) : capture_(capture) {}
  ~Keeper() { stop(); }
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  void start();
  // Joins the thread. Any thread; harmless when repeated, also at the same time.
  void stop() noexcept;

 private:
  void run() noexcept;

  Capture& capture_;
  std::mutex stop_mutex_;  // two threads may not both join
  std::thread thread_;
  std::atomic<bool> stopping_{false};
};

}  // namespace zc
