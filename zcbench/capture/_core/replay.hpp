// The replay driver: hands out PCM from memory as a device would, on absolute deadlines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <thread>

#include "capture.hpp"
#include "content.hpp"
#include "event_count.hpp"

namespace zc {

enum class Pace : std::uint8_t { real, unpaced, manual };

struct ReplayConfig {
  std::span<const std::byte> pcm;  // whole frames, at least one; looped
  Pace pace = Pace::real;
  double speed = 1.0;                // real pace only
  std::uint64_t limit = UINT64_MAX;  // packets in all
  // Stands for a device that puts its samples into the slot by itself: only a packet's first and last frame
  // are written, what lies between is what was there.
  bool in_place = false;
  // Each packet's number is mixed into its samples of `item_bytes` (content.hpp).
  bool stamped = false;
  std::size_t item_bytes = 1;
};

class Replay {
 public:
  Replay(Capture& capture, const ReplayConfig& config);
  ~Replay() { stop(); }
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  // Starts the driver's thread; with Pace::manual there is none and produce() is the driver.
  void start();
  // Ends the stream and joins the thread. Any thread; harmless when repeated, also at the same time.
  void stop() noexcept;
  // Pace::manual: captures up to `packets` now; how many were.
  std::uint64_t produce(std::uint64_t packets) noexcept;

 private:
  void run() noexcept;
  // Captures the next packet, due then; now, where there is no such time.
  void capture_one(std::optional<std::uint64_t> due_ns) noexcept;
  void fill(std::byte* slot, std::uint64_t sequence) const noexcept;
  bool sleep_until(std::uint64_t deadline) noexcept;

  Capture& capture_;
  const ReplayConfig config_;
  const Content content_;
  std::mutex stop_mutex_;  // two threads may not both join; never taken by the driver
  std::thread thread_;
  Event wake_;  // set by stop() to cut a sleep short
};

}  // namespace zc
