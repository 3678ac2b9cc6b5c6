// One stream: the pool, the queue between producer and reader, and the steps of either side.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "event_count.hpp"
#include "pool.hpp"
#include "rings.hpp"
#include "scoreboard.hpp"

namespace zc {

enum PacketFlag : std::uint32_t { kXrun = 1, kGap = 2, kOverflow = 4 };

struct StreamConfig {
  double rate = 48'000;
  std::size_t frames = 480;
  std::size_t frame_bytes = 8;
  std::size_t queue = 4096;
  bool checksum = false;
  int priority = 0;  // of the producer's thread: 1..99 is real-time (realtime.hpp), 0 leaves it as it is
  PoolConfig pool;
};

class Capture {
 public:
  Capture(const StreamConfig& config, const Scoreboard& board);

  // ---- producer: one thread, no lock, no GIL, no allocation but under policy grow ----

  // The next packet's slot, acquired `now` (ns), to be filled and given to publish(). nullptr: it was
  // dropped, and counted so. Waits for a slot only if the caller may wait and the policy is block, until
  // stop.
  Slot* open_packet(std::uint64_t now, bool may_wait) noexcept;
  // Hands a filled slot to the reader, or drops it when the queue is full.
  void publish(Slot* slot, std::uint64_t time_ns, std::uint32_t flags) noexcept;
  // Gives up a packet that was opened and cannot be finished: a drop.
  void abandon(Slot* slot) noexcept;
  // For an unpaced replay: waits until the application has caught up, or stop; whether it has. Caught up is
  // when the queue has room and a slot is free, or all slots are held and nothing is left to read. Once it
  // has to wait, it does so until half of what is queued was read: a wake-up costs several packets' time. It
  // does not run ahead into an adaptive pool's reserve: the pool would grow for a backlog that only this
  // speed makes.
  bool wait_for_reader() noexcept;
  // Gives the calling thread the configured priority, which was tried before. Once, before the first packet.
  void schedule_producer() noexcept;
  void count_xrun() noexcept { xruns_.add(); }
  void record_callback(std::uint64_t ns) noexcept { callback_.record(ns); }
  // No packet will follow. Any thread, after the producer's last step.
  void end() noexcept;

  // ---- reader: one thread at a time ----

  // Takes what is queued, at most as many packets as `into` has room for; how many. All of them are delivered
  // at one moment, which is read once.
  std::size_t try_read(std::span<Slot*> into) noexcept;
  // One packet; nullptr when none is queued.
  Slot* try_read() noexcept;
  // Waits for a packet or the end, at most timeout_ns; may return early.
  void wait_for_packet(std::uint64_t timeout_ns) noexcept;
  // Ended and nothing queued.
  bool drained() const noexcept;
  // Drops what is queued. After the producer's end.
  void discard_queue() noexcept;

  // ---- any thread ----

  void release(Slot* slot) noexcept;
  // Policy adaptive: one step of the pool's maintenance. Allocates; never the producer's thread.
  void maintain() noexcept;
  void request_stop() noexcept;
  bool stopping() const noexcept { return stopping_.load(std::memory_order_acquire); }
  void set_start(std::uint64_t ns) noexcept { start_.set(ns); }
  std::uint64_t start() const noexcept { return start_.get(); }
  SlotPool& pool() noexcept { return pool_; }
  const StreamConfig& config() const noexcept { return config_; }
  bool queue_full() const noexcept { return queue_.full(); }
  std::uint64_t captured() const noexcept { return captured_.get(); }
  std::size_t packet_bytes() const noexcept { return config_.frames * config_.frame_bytes; }

 private:
  void drop() noexcept;
  bool caught_up() const noexcept;
  bool worth_resuming() const noexcept;
  void notify_producer() noexcept;

  const StreamConfig config_;
  SlotPool pool_;
  PacketRing<Slot*> queue_;
  EventCount packet_ready_;  // notified by the producer, waited for by the reader
  EventCount resume_;        // notified by reader and returning threads, waited for by a replay's producer
  // What a waiting producer waits for: that no more than so many packets are queued, or any free slot.
  static constexpr std::size_t kAnySlot = SIZE_MAX;
  std::atomic<std::size_t> resume_at_{kAnySlot};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> ended_{false};
  bool gap_ = false;  // producer: packets were dropped since the last one published

  Counter start_, captured_, captured_bytes_, xruns_;
  SharedCounter drops_, queued_;
  Counter delivered_, delivered_bytes_;
  Histogram fill_, queue_time_, delivery_, callback_;
};

}  // namespace zc
