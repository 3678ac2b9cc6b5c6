#include "pool.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <thread>

namespace zc {

namespace {

std::size_t aligned_up(std::size_t bytes) {
  if (bytes > SIZE_MAX - kAlignment) throw std::bad_alloc();
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

std::size_t maximum_slots(const PoolConfig& config) {
  return config.policy == Policy::adaptive ? std::max(config.slots, config.sizing.maximum) : config.slots;
}

// A slot with its guard zones. Throws before anything is allocated when the slab's size would overflow.
std::size_t checked_stride(const PoolConfig& config) {
  const std::size_t stride = aligned_up(config.payload_bytes) + (config.debug ? 2 * kGuardBytes : 0);
  if (maximum_slots(config) > SIZE_MAX / stride) throw std::bad_alloc();
  return stride;
}

bool all_bytes_are(const std::byte* memory, std::size_t bytes, unsigned char value) noexcept {
  return std::all_of(memory, memory + bytes, [value](std::byte b) { return b == std::byte{value}; });
}

}  // namespace

SlotPool::SlotPool(const PoolConfig& config, const Scoreboard& board)
    : config_(config),
      stride_(checked_stride(config)),
      free_(maximum_slots(config)),
      hits_(board.counter("pool.hits")),
      misses_(board.counter("pool.misses")),
      refused_(board.counter("pool.refused")),
      overflow_allocations_(board.counter("pool.overflow_allocations")),
      overflow_bytes_(board.counter("pool.overflow_bytes")),
      high_water_(board.counter("pool.high_water")),
      in_flight_(board.counter("pool.in_flight")),
      returns_(board.counter("pool.returns")),
      overflow_freed_bytes_(board.counter("pool.overflow_freed_bytes")),
      guard_violations_(board.counter("pool.guard_violations")),
      poison_violations_(board.counter("pool.poison_violations")),
      slots_now_(board.counter("pool.slots")),
      slab_bytes_(board.counter("pool.slab_bytes")),
      grown_(board.counter("pool.grown")),
      shrunk_(board.counter("pool.shrunk")),
      growth_failures_(board.counter("pool.growth_failures")),
      held_(board.histogram("held_ns")),
      hold_(board.histogram("hold_ns")) {
  // What may be given up again is a segment of its own.
  const std::size_t kept =
      config.policy == Policy::adaptive ? std::min(config.sizing.minimum, config.slots) : config.slots;
  put_in_use(make_segment(kept));
  if (kept < config.slots) put_in_use(make_segment(config.slots - kept));
}

SlotPool::~SlotPool() = default;

std::unique_ptr<Segment> SlotPool::make_segment(std::size_t count) {
  auto segment = std::make_unique<Segment>(count, stride_, config_.lock);
  for (std::size_t i = 0; i < count; ++i) {
    std::byte* piece = segment->piece(i);
    if (config_.debug) {
      std::memset(piece, kGuardByte, stride_);
      piece += kGuardBytes;
      std::memset(piece, kPoisonByte, config_.payload_bytes);
    }
    segment->slots()[i].data = piece;
    segment->slots()[i].segment = segment.get();
  }
  return segment;
}

Slot* SlotPool::acquire(std::uint64_t now) noexcept {
  Slot* slot = nullptr;
  if (free_.pop(slot)) {
    hits_.add();
    return hand_out(slot, now);
  }
  misses_.add();
  if (config_.policy != Policy::grow) return nullptr;
  slot = allocate_overflow();
  return slot == nullptr ? nullptr : hand_out(slot, now);
}

Slot* SlotPool::take_late(std::uint64_t now) noexcept {
  Slot* slot = nullptr;
  return free_.pop(slot) ? hand_out(slot, now) : nullptr;
}

Slot* SlotPool::hand_out(Slot* slot, std::uint64_t now) noexcept {
  // A free slot that no longer holds its poison was written to by somebody who had given it back.
  if (config_.debug && slot->overflow_index == 0 && !poison_intact(slot)) poison_violations_.add();
  slot->acquired_ns.store(now, std::memory_order_relaxed);
  slot->delivered_ns = 0;
  const std::uint64_t in_flight = in_flight_.add();
  high_water_.raise_to(in_flight);
  if (config_.policy == Policy::adaptive) note_demand(in_flight);
  return slot;
}

void SlotPool::release(Slot* slot, std::uint64_t now) noexcept {
  const std::uint64_t acquired = slot->acquired_ns.exchange(0, std::memory_order_relaxed);
  hold_.record(now - acquired);
  if (slot->delivered_ns != 0) held_.record(now - slot->delivered_ns);
  if (config_.debug && !guards_intact(slot)) guard_violations_.add();

  if (slot->overflow_index != 0) {
    free_aligned(slot->data - (config_.debug ? kGuardBytes : 0));
    slot->data = nullptr;
    overflow_freed_bytes_.add(stride_);
  } else if (config_.debug) {
    std::memset(slot->data - kGuardBytes, kGuardByte, stride_);
    std::memset(slot->data, kPoisonByte, config_.payload_bytes);
  }

  // Counted before the slot can be acquired again, so that in_flight never exceeds what is out.
  in_flight_.subtract();
  returns_.add();
  if (slot->overflow_index != 0) {
    overflow_.push(slot);
  } else {
    // There is room for every slot, but a cell whose popper was stopped between claiming and leaving it
    // looks full. The returning thread waits those few instructions out; the acquiring one never waits.
    while (!free_.push(slot)) std::this_thread::yield();
  }
}

Slot* SlotPool::allocate_overflow() noexcept {
  Slot* slot = overflow_.pop();
  if (slot == nullptr) return nullptr;
  std::byte* memory = try_allocate_aligned(stride_);
  if (memory == nullptr) {
    overflow_.push(slot);
    return nullptr;
  }
  if (config_.debug) {
    std::memset(memory, kGuardByte, stride_);
    memory += kGuardBytes;
  }
  slot->data = memory;
  overflow_allocations_.add();
  overflow_bytes_.add(stride_);
  return slot;
}

std::uint64_t SlotPool::oldest_lease_ns(std::uint64_t now) const {
  std::uint64_t oldest = UINT64_MAX;
  const auto look = [&oldest](const Slot& slot) {
    const std::uint64_t acquired = slot.acquired_ns.load(std::memory_order_relaxed);
    if (acquired != 0) oldest = std::min(oldest, acquired);
  };
  {
    const std::lock_guard lock(segments_mutex_);
    for (const auto& segment : segments_) {
      for (std::size_t i = 0; i < segment->count(); ++i) look(segment->slots()[i]);
    }
  }
  overflow_.for_each(look);
  return oldest < now ? now - oldest : 0;
}

std::uint64_t SlotPool::check() noexcept {
  if (!config_.debug) return 0;
  std::uint64_t wrong = 0;
  const std::lock_guard lock(segments_mutex_);
  for (const auto& segment : segments_) {
    for (std::size_t i = 0; i < segment->count(); ++i) {
      const Slot* slot = segment->slots() + i;
      const bool guards = guards_intact(slot);
      const bool free = slot->acquired_ns.load(std::memory_order_acquire) == 0;
      const bool poison = !free || poison_intact(slot);
      if (!guards) guard_violations_.add();
      if (!poison) poison_violations_.add();
      if (!guards || !poison) ++wrong;
    }
  }
  return wrong;
}

bool SlotPool::guards_intact(const Slot* slot) const noexcept {
  const std::byte* after = slot->data + config_.payload_bytes;
  const std::byte* end = slot->data - kGuardBytes + stride_;
  return all_bytes_are(slot->data - kGuardBytes, kGuardBytes, kGuardByte) &&
         all_bytes_are(after, static_cast<std::size_t>(end - after), kGuardByte);
}

bool SlotPool::poison_intact(const Slot* slot) const noexcept {
  return all_bytes_are(slot->data, config_.payload_bytes, kPoisonByte);
}

}  // namespace zc
