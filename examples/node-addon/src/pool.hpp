// A pool of slots that any thread may return to, with the memory that a miss costs, counted on the page.
//
// Its counters have zcbench's names, so that zcbench's checks judge it; docs/page.md.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "zcpage.h"

namespace capture {

// How the add-on treats its buffers: one state of its history each. The first three are planted bugs.
enum class State {
  kMixedOwnership,  // engine and JavaScript each count a buffer's owners, and each leaves the last to the
                    // other
  kNoOpReturn,      // the finalizer runs, and its return does nothing
  kLostSlot,        // each fifth slot that returns is counted, and never handed out again
  kSound,           // a slot returns when V8 has collected its buffer
  kTold,            // the same, and V8 is told what a buffer keeps occupied
  kExplicit,        // the application returns a slot when it has done with it
  kCopy,            // the application gets a copy, and the slot returns at once
  kRefused,         // the runtime allows no external buffers (Electron): every hand-over has to be a copy
};

// A packet's memory and what is known of it, from acquire to return.
struct Lease {
  unsigned char* memory = nullptr;
  std::unique_ptr<unsigned char[]> overflow;  // the memory's owner if no slot was free
  std::int64_t sequence = 0;
  std::int64_t acquired_ns = 0;
  bool is_returned = false;  // by an explicit release; the finalizer that comes later finds it done
};

class Pool {
 public:
  Pool(zc_page* page, State state, std::size_t slots, std::size_t block_bytes)
      : state_(state),
        slots_(slots),
        block_bytes_(block_bytes),
        slab_(slots * block_bytes),
        hits_(page, "pool.hits", "acquires", ZC_TOTAL, "producer"),
        misses_(page, "pool.misses", "acquires", ZC_TOTAL, "producer"),
        overflows_(page, "pool.overflow_allocations", "allocations", ZC_TOTAL, "producer"),
        overflow_bytes_(page, "pool.overflow_bytes", "bytes", ZC_TOTAL, "producer"),
        overflow_freed_(page, "pool.overflow_freed_bytes", "bytes", ZC_TOTAL),
        returns_(page, "pool.returns", "returns", ZC_TOTAL),
        in_flight_(page, "pool.in_flight", "leases", ZC_GAUGE),
        free_slots_(page, "pool.free", "slots", ZC_GAUGE),
        slots_in_use_(page, "pool.slots_in_use", "slots", ZC_GAUGE),
        high_water_(page, "pool.high_water", "leases", ZC_GAUGE),
        hold_(zc_declare_histogram(page, "hold_ns", "ns", nullptr)) {
    zcpage::Counter(page, "pool.slots", "slots", ZC_CONSTANT, "producer") = static_cast<std::int64_t>(slots);
    in_flight_ = 0;
    high_water_ = 0;
    slots_in_use_ = 0;
    for (std::size_t i = 0; i < slots; ++i) free_.push_back(&slab_[i * block_bytes]);
    free_slots_ = static_cast<std::int64_t>(free_.size());
    zc_law(page, "engine.captured == pool.hits + pool.misses");
    zc_law(page, "engine.captured == pool.returns + pool.in_flight");
    zc_law(page, "pool.misses == pool.overflow_allocations");
    zc_law(page, "pool.slots == pool.free + pool.slots_in_use");
  }

  // A slot, or fresh memory where none is free. Producer thread.
  std::unique_ptr<Lease> acquire(std::int64_t sequence, std::int64_t now_ns) {
    auto lease = std::make_unique<Lease>();
    lease->sequence = sequence;
    lease->acquired_ns = now_ns;
    const std::lock_guard lock(mutex_);
    if (free_.empty()) {
      lease->overflow = std::make_unique<unsigned char[]>(block_bytes_);
      lease->memory = lease->overflow.get();
      ++misses_;
      ++overflows_;
      overflow_bytes_ += static_cast<std::int64_t>(block_bytes_);
    } else {
      lease->memory = free_.front();  // first in, first out: a late reader has the longest grace
      free_.pop_front();
      ++hits_;
      --free_slots_;
      ++slots_in_use_;
    }
    ++in_flight_;
    high_water_.raise_to(in_flight_.get());
    return lease;
  }

  // Nobody reads the lease's memory any more. Any thread.
  void release(Lease& lease, std::int64_t now_ns) {
    lease.is_returned = true;
    if (state_ == State::kMixedOwnership) return leave_to_the_other(lease);
    if (lease.overflow) {
      lease.overflow.reset();
      overflow_freed_ += static_cast<std::int64_t>(block_bytes_);
      if (state_ == State::kNoOpReturn) return;
    } else {
      if (state_ == State::kNoOpReturn) return;
      const std::lock_guard lock(mutex_);
      --slots_in_use_;
      const bool is_lost = state_ == State::kLostSlot && ++slots_returned_ % kLostEvery == 0;
      if (!is_lost) free_.push_back(lease.memory);
      free_slots_ = static_cast<std::int64_t>(free_.size());
    }
    --in_flight_;
    ++returns_;
    zc_record_shared(hold_, now_ns - lease.acquired_ns);
  }

  std::int64_t in_flight() const { return in_flight_.get(); }

 private:
  static constexpr std::size_t kLostEvery = 5;
  static constexpr std::size_t kForeignBuffers = 100;  // entries for memory that is not the slab's

  // JavaScript's count of the buffer is 0 now. The engine's own is still 1, so the buffer goes into the
  // engine's table of buffers that wait for their other owner; nobody ever takes one out.
  void leave_to_the_other(Lease& lease) {
    orphans_.push_back(std::move(lease.overflow));
    if (orphans_.size() <= slots_ + kForeignBuffers) return;
    std::fprintf(stderr, "capture: %zu buffers wait for an owner, and the table has no room for more\n",
                 orphans_.size());
    std::abort();
  }

  const State state_;
  const std::size_t slots_, block_bytes_;
  std::mutex mutex_;
  std::vector<unsigned char> slab_;
  std::deque<unsigned char*> free_;
  std::vector<std::unique_ptr<unsigned char[]>> orphans_;
  std::size_t slots_returned_ = 0;
  zcpage::Counter hits_, misses_, overflows_, overflow_bytes_;
  zcpage::SharedCounter overflow_freed_, returns_, in_flight_, free_slots_, slots_in_use_, high_water_;
  zc_histogram hold_;
};

}  // namespace capture
