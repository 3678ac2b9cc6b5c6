// Policy adaptive: the slab grows and shrinks, off the real-time threads.
//
// Producer and returning threads know nothing of segments: they pop and push the one ring of free slots.
// Growing pushes new slots behind the free ones. Shrinking retires a segment: each step then goes through the
// free slots once and keeps those of retired segments out. A slot in flight stays valid meanwhile, and may
// even be handed out again; its segment's memory goes when every slot of it was caught, which is when no
// lease can be on it.
#include <algorithm>
#include <new>
#include <system_error>
#include <thread>

#include "pool.hpp"

namespace zc {

void SlotPool::note_demand(std::uint64_t in_flight) noexcept {
  std::uint64_t seen = recent_high_.load(std::memory_order_relaxed);
  while (seen < in_flight &&
         !recent_high_.compare_exchange_weak(seen, in_flight, std::memory_order_relaxed)) {
  }
  if (in_flight > grow_above_.load(std::memory_order_relaxed)) demand_.notify();
}

void SlotPool::wait_for_demand(std::uint64_t timeout_ns) noexcept {
  demand_.wait_for(timeout_ns, [this] { return wants_more(); });
}

bool SlotPool::maintain(std::uint64_t now) noexcept {
  if (config_.policy != Policy::adaptive) return false;
  const std::lock_guard step(maintenance_mutex_);
  const std::uint64_t high = recent_high_.exchange(in_flight_.get(), std::memory_order_relaxed);
  if (window_.began == 0) window_.began = now;
  window_.high = std::max(window_.high, high);
  bool grew = false;
  if (too_few(slots_, high)) {
    if (slots_ < config_.sizing.maximum) grew = grow_to(grown(config_.sizing, slots_, high));
    window_ = {now, high};
  } else {
    set_slots(slots_);  // memory that was refused may be asked for again
    if (now - window_.began >= config_.sizing.shrink_after_ns) {
      retire_one();
      window_ = {now, high};
    }
  }
  collect_retired();
  return grew;
}

void SlotPool::put_in_use(std::unique_ptr<Segment> segment) {
  Segment* added = segment.get();
  {
    const std::lock_guard lock(segments_mutex_);
    segments_.push_back(std::move(segment));
  }
  slab_bytes_.add(added->bytes());
  for (std::size_t i = 0; i < added->count(); ++i) {
    while (!free_.push(added->slots() + i)) std::this_thread::yield();
  }
  set_slots(slots_ + added->count());
}

bool SlotPool::grow_to(std::size_t wanted) {
  const std::size_t before = slots_;
  // Segments on their way out come first, so that all of them together never exceed the maximum.
  for (auto at = segments_.rbegin(); at != segments_.rend() && slots_ < wanted; ++at) {
    Segment& segment = **at;
    if (!segment.retired) continue;
    segment.retired = false;
    for (Slot* slot : segment.home) {
      while (!free_.push(slot)) std::this_thread::yield();
    }
    segment.home.clear();
    set_slots(slots_ + segment.count());
  }
  if (slots_ < wanted) {
    try {
      put_in_use(make_segment(wanted - slots_));
    } catch (const std::bad_alloc&) {
      growth_failures_.add();
    } catch (const std::system_error&) {  // it may not be locked
      growth_failures_.add();
    }
  }
  grown_.add(slots_ - before);
  // Without memory: asked again with the next step that time brings, not with every packet.
  if (slots_ == before) grow_above_.store(UINT64_MAX, std::memory_order_relaxed);
  return slots_ != before;
}

void SlotPool::retire_one() {
  for (auto at = segments_.rbegin(); at != segments_.rend(); ++at) {
    Segment& segment = **at;
    if (segment.retired || segment.count() >= slots_) continue;
    if (!can_do_with(config_.sizing, slots_ - segment.count(), window_.high)) continue;
    segment.retired = true;
    shrunk_.add(segment.count());
    set_slots(slots_ - segment.count());
    return;
  }
}

void SlotPool::collect_retired() {
  if (std::none_of(segments_.begin(), segments_.end(), [](const auto& s) { return s->retired; })) return;
  // One slot at a time is out of the ring, while more than half of them are free: nobody misses it.
  const std::size_t end = free_.mark();
  Slot* slot = nullptr;
  while (free_.before(end) && free_.pop(slot)) {
    if (slot->segment->retired) {
      slot->segment->home.push_back(slot);
    } else {
      while (!free_.push(slot)) std::this_thread::yield();
    }
  }
  const std::lock_guard lock(segments_mutex_);
  std::erase_if(segments_, [this](const auto& segment) {
    const bool gone = segment->retired && segment->home.size() == segment->count();
    if (gone) slab_bytes_.set(slab_bytes_.get() - segment->bytes());
    return gone;
  });
}

void SlotPool::set_slots(std::size_t slots) noexcept {
  slots_ = slots;
  slots_now_.set(slots);
  if (config_.policy != Policy::adaptive) return;
  // At the maximum nobody needs to be notified.
  const std::uint64_t above = slots < config_.sizing.maximum ? slots / 2 : UINT64_MAX;
  grow_above_.store(above, std::memory_order_relaxed);
}

}  // namespace zc
