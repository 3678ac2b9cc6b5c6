// The slot pool: one slab, N slots, handed out first in first out, taken back from any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "rings.hpp"
#include "scoreboard.hpp"

namespace zc {

inline constexpr std::size_t kAlignment = 64;   // of every slot's payload
inline constexpr std::size_t kGuardBytes = 64;  // on either side, debug pool only
inline constexpr unsigned char kGuardByte = 0xA5;
inline constexpr unsigned char kPoisonByte = 0xDB;

// One piece of memory for one packet, in the slab or (overflow) outside it, with the packet's metadata.
// Between acquire() and give_back() it has one owner; only `acquired_ns` is read by others meanwhile.
struct Slot {
  std::byte* data = nullptr;
  std::atomic<std::uint64_t> acquired_ns{0};  // 0: not in flight
  std::uint64_t queued_ns = 0;
  std::uint64_t delivered_ns = 0;  // 0: never reached the application
  std::uint64_t sequence = 0;
  std::uint64_t time_ns = 0;
  std::uint32_t flags = 0;
  std::uint32_t checksum = 0;
  std::uint32_t overflow_index = 0;             // 1-based; 0 for a slot of the slab
  std::atomic<std::uint32_t> next_overflow{0};  // link in the list of idle overflow headers
};

enum class Policy : std::uint8_t { grow, drop, block };

struct PoolConfig {
  std::size_t slots = 1;
  std::size_t payload_bytes = 1;
  Policy policy = Policy::grow;
  bool debug = false;
};

class SlotPool {
 public:
  // Throws std::bad_alloc when the slab cannot be had.
  SlotPool(const PoolConfig& config, const Scoreboard& board);
  ~SlotPool();
  SlotPool(const SlotPool&) = delete;
  SlotPool& operator=(const SlotPool&) = delete;

  // Any thread. Counts one hit or miss. nullptr when none is free and the policy is not grow; the caller
  // then either calls refuse() or waits and calls take_late(). Allocates only under grow.
  Slot* acquire(std::uint64_t now) noexcept;
  // A free slot for a miss already counted (policy block); nullptr if there is still none.
  Slot* take_late(std::uint64_t now) noexcept;
  // The miss got no memory.
  void refuse() noexcept { refused_.add(); }
  // Any thread. The slot must not be touched afterwards.
  void give_back(Slot* slot, std::uint64_t now) noexcept;

  bool has_free() const noexcept { return !free_.empty(); }
  // Age of the oldest lease in flight, 0 if none. O(slots + overflow).
  std::uint64_t oldest_lease_ns(std::uint64_t now) const;
  // Debug pool: looks at every slot of the slab that is free; only while nobody acquires or returns.
  // Counts and returns the slots found wrong.
  std::uint64_t check() noexcept;

 private:
  static constexpr std::size_t kChunk = 256;  // overflow headers made at a time
  static constexpr std::size_t kMaxChunks = 1U << 16U;
  using Chunk = std::unique_ptr<Slot[]>;

  Slot* hand_out(Slot* slot, std::uint64_t now) noexcept;
  Slot* allocate_overflow() noexcept;
  Slot* idle_overflow() noexcept;
  void push_idle(Slot* slot) noexcept;
  Slot* overflow_at(std::uint32_t index) const noexcept;
  bool guards_intact(const Slot* slot) const noexcept;
  bool poison_intact(const Slot* slot) const noexcept;

  const PoolConfig config_;
  std::size_t stride_;
  std::byte* slab_;
  std::unique_ptr<Slot[]> slots_;
  FreeRing<Slot*> free_;

  // Overflow headers are kept for reuse, their payload is freed at return. Idle ones form a stack whose
  // head carries a change count in its upper half, so that a reused header is not mistaken (ABA).
  std::mutex chunks_mutex_;  // only taken to make 256 more headers, where memory is allocated anyway
  std::unique_ptr<std::atomic<Slot*>[]> chunks_;
  std::vector<Chunk> owned_chunks_;
  std::atomic<std::uint32_t> chunk_count_{0};
  std::atomic<std::uint64_t> idle_{0};

  SharedCounter hits_, misses_, refused_, overflow_allocations_, overflow_bytes_, high_water_;
  SharedCounter in_flight_;
  SharedCounter returns_, overflow_freed_bytes_, guard_violations_, poison_violations_;
  Histogram held_, hold_;
};

}  // namespace zc
