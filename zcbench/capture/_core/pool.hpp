// The slot pool: a slab of N slots, handed out first in first out, taken back from any thread.
// Under policy adaptive the slab is several segments, which maintain() adds and takes away.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "rings.hpp"
#include "scoreboard.hpp"
#include "signal.hpp"
#include "sizing.hpp"
#include "slab.hpp"

namespace zc {

inline constexpr std::size_t kGuardBytes = 64;  // on either side, debug pool only
inline constexpr unsigned char kGuardByte = 0xA5;
inline constexpr unsigned char kPoisonByte = 0xDB;

// One piece of memory for one packet, in the slab or (overflow) outside it, with the packet's metadata.
// Between acquire() and give_back() it has one owner; only `acquired_ns` is read by others meanwhile. It has
// cache lines to itself, since its neighbours belong to others; what each packet needs is on the first.
struct alignas(kCacheLine) Slot {
  std::byte* data = nullptr;
  std::atomic<std::uint64_t> acquired_ns{0};  // 0: not in flight
  std::uint64_t queued_ns = 0;
  std::uint64_t delivered_ns = 0;  // 0: never reached the application
  std::uint64_t sequence = 0;
  std::uint64_t time_ns = 0;
  std::uint32_t flags = 0;
  std::uint32_t checksum = 0;
  std::uint32_t overflow_index = 0;             // 1-based; 0 for a slot of the slab
  Segment* segment = nullptr;                   // of the slab that it belongs to
  std::atomic<std::uint32_t> next_overflow{0};  // link in the list of idle overflow headers
};

enum class Policy : std::uint8_t { grow, drop, block, adaptive };

struct PoolConfig {
  std::size_t slots = 1;
  std::size_t payload_bytes = 1;
  Policy policy = Policy::grow;
  bool debug = false;
  bool lock = false;  // the slab is locked in memory
  Sizing sizing{};    // policy adaptive
};

class SlotPool {
 public:
  // Throws std::bad_alloc when the slab cannot be had, std::system_error when it may not be locked.
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

  // ---- policy adaptive; the producer's part is a comparison and, when slots run low, ringing a bell ----

  // One step, off the real-time threads: grows the slab when more than half of it was in flight since the
  // last step, or gives a segment up that has not been needed for long. Whether slots were added.
  bool maintain(std::uint64_t now) noexcept;
  // Waits until slots run low, at most timeout_ns. One thread.
  void wait_for_demand(std::uint64_t timeout_ns) noexcept;
  // Ends that wait.
  void wake_maintenance() noexcept { demand_.ring_always(); }
  // Whether more than half of the slots are in flight, and the slab can grow to change that.
  bool wants_more() const noexcept { return in_flight_.get() > grow_above_.load(std::memory_order_relaxed); }
  // Whether the next acquire will make it so.
  bool at_reserve() const noexcept { return in_flight_.get() >= grow_above_.load(std::memory_order_relaxed); }

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
  void note_demand(std::uint64_t in_flight) noexcept;
  std::unique_ptr<Segment> make_segment(std::size_t count);
  void put_in_use(std::unique_ptr<Segment> segment);
  bool grow_to(std::size_t wanted);
  void retire_one();
  void collect_retired();
  void set_slots(std::size_t slots) noexcept;
  Slot* allocate_overflow() noexcept;
  Slot* idle_overflow() noexcept;
  void push_idle(Slot* slot) noexcept;
  Slot* overflow_at(std::uint32_t index) const noexcept;
  bool guards_intact(const Slot* slot) const noexcept;
  bool poison_intact(const Slot* slot) const noexcept;

  const PoolConfig config_;
  std::size_t stride_;
  FreeRing<Slot*> free_;  // has room for every slot there may ever be

  // The slab. Held while the vector changes or is walked through; never by producer or returning threads.
  mutable std::mutex segments_mutex_;
  std::vector<std::unique_ptr<Segment>> segments_;
  std::mutex maintenance_mutex_;  // one step at a time; everything else maintain() writes is its own
  std::size_t slots_ = 0;         // of the segments that are not retired
  Window window_;
  std::atomic<std::uint64_t> grow_above_{UINT64_MAX};  // leases in flight
  std::atomic<std::uint64_t> recent_high_{0};          // since the last step
  Doorbell demand_;

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
  Counter slots_now_, slab_bytes_, grown_, shrunk_, growth_failures_;
  SharedHistogram held_, hold_;
};

}  // namespace zc
