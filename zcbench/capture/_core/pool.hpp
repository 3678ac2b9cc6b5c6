// The slot pool: a slab of N slots, handed out first in first out, taken back from any thread.
// Under policy adaptive the slab is several segments, which maintain() adds and takes away.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "event_count.hpp"
#include "overflow.hpp"
#include "rings.hpp"
#include "scoreboard.hpp"
#include "sizing.hpp"
#include "slab.hpp"
#include "slot.hpp"

namespace zc {

inline constexpr std::size_t kGuardBytes = 64;  // on either side, debug pool only
inline constexpr unsigned char kGuardByte = 0xA5;
inline constexpr unsigned char kPoisonByte = 0xDB;

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
  void release(Slot* slot, std::uint64_t now) noexcept;

  bool has_free() const noexcept { return !free_.empty(); }

  // ---- policy adaptive; the producer's part is a comparison and, when slots run low, a notification ----

  // One step, off the real-time threads: grows the slab when more than half of it was in flight since the
  // last step, or gives a segment up that has not been needed for long. Whether slots were added.
  bool maintain(std::uint64_t now) noexcept;
  // Waits until slots run low, at most timeout_ns. One thread.
  void wait_for_demand(std::uint64_t timeout_ns) noexcept;
  // Ends that wait.
  void wake_maintenance() noexcept { demand_.notify_always(); }
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
  Slot* hand_out(Slot* slot, std::uint64_t now) noexcept;
  void note_demand(std::uint64_t in_flight) noexcept;
  std::unique_ptr<Segment> make_segment(std::size_t count);
  void put_in_use(std::unique_ptr<Segment> segment);
  bool grow_to(std::size_t wanted);
  void retire_one();
  void collect_retired();
  void set_slots(std::size_t slots) noexcept;
  Slot* allocate_overflow() noexcept;
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
  EventCount demand_;

  OverflowStack overflow_;

  SharedCounter hits_, misses_, refused_, overflow_allocations_, overflow_bytes_, high_water_;
  SharedCounter in_flight_;
  SharedCounter returns_, overflow_freed_bytes_, guard_violations_, poison_violations_;
  Counter slots_now_, slab_bytes_, grown_, shrunk_, growth_failures_;
  SharedHistogram held_, hold_;
};

}  // namespace zc
