// The core under the C++ memory model: `relaxed_tests ITERATIONS [NUMBER ORDER]`. Every test runs ITERATIONS
// times, each time with other interleavings and other values seen; memory order NUMBER is made the weaker
// ORDER. Prints the first failure.
#include "relaxed.hpp"

#include <cstdlib>
#include <iostream>
#include <string>

// The core, as verify_orders.py has rewritten it.
#include "slab.cpp"

#include "overflow.cpp"

#include "pool.cpp"

#include "maintain.cpp"

#include "capture.cpp"

namespace relaxed {

namespace {

using zc::Policy;
using zc::Slot;

constexpr std::uint64_t kEver = 1;  // no wait has a timeout

// Slots of the slab from hand to hand: one owner each, none lost, and what one wrote the next may overwrite.
struct FreeSlots : rl::test_suite<FreeSlots, 3> {
  zc::Scoreboard board;
  zc::SlotPool pool{{2, 8, Policy::drop, false}, board};

  void thread(unsigned me) {
    for (unsigned lap = 0; lap < 2; ++lap) {
      Slot* slot = pool.acquire(1);
      if (slot == nullptr) continue;
      slot->sequence = me;
      RL_ASSERT(slot->sequence == me);
      pool.release(slot, 2);
    }
  }

  void after() {
    Slot* first = pool.acquire(3);
    Slot* second = pool.acquire(3);
    RL_ASSERT(first != nullptr && second != nullptr && first != second);
    RL_ASSERT(pool.acquire(3) == nullptr);
  }
};

// Headers of overflow from hand to hand, made two at a time, while somebody asks for the oldest lease.
struct Overflow : rl::test_suite<Overflow, 4> {
  zc::Scoreboard board;
  zc::SlotPool pool{{1, 8, Policy::grow, false}, board};

  void before() { RL_ASSERT(pool.acquire(1) != nullptr); }

  void thread(unsigned me) {
    if (me == 3) {
      for (unsigned lap = 0; lap < 2; ++lap) RL_ASSERT(pool.oldest_lease_ns(3) <= 2);
      return;
    }
    for (unsigned lap = 0; lap < 2; ++lap) {
      Slot* slot = pool.acquire(1);
      RL_ASSERT(slot != nullptr && slot->overflow_index != 0);
      slot->sequence = me;
      RL_ASSERT(slot->sequence == me);
      pool.release(slot, 2);
    }
  }

  void after() {
    RL_ASSERT(board["pool.in_flight"] == 1);
    RL_ASSERT(board["pool.overflow_bytes"] == board["pool.overflow_freed_bytes"]);
    std::vector<Slot*> all;
    while (Slot* slot = pool.acquire(3)) {
      RL_ASSERT(std::find(all.begin(), all.end(), slot) == all.end());
      all.push_back(slot);
    }
    RL_ASSERT(all.size() == 4);  // kChunk * kMaxChunks, as rewritten
    for (Slot* slot : all) pool.release(slot, 4);
  }
};

// A slab that shrinks and grows while slots of it are taken and returned (maintain.cpp).
struct Adaptive : rl::test_suite<Adaptive, 3> {
  zc::Scoreboard board;
  zc::SlotPool pool{{3, 8, Policy::adaptive, false, false, {1, 4, 0}}, board};

  void thread(unsigned me) {
    if (me == 2) {
      for (std::uint64_t now = 1; now <= 4; ++now) pool.maintain(now);
      return;
    }
    Slot* held[2] = {};
    for (Slot*& slot : held) {
      slot = pool.acquire(1);
      if (slot != nullptr) slot->sequence = me;
    }
    RL_ASSERT(pool.oldest_lease_ns(3) <= 2);
    for (Slot* slot : held) {
      if (slot == nullptr) continue;
      RL_ASSERT(slot->sequence == me);
      pool.release(slot, 2);
    }
  }

  void after() {
    for (std::uint64_t now = 5; now <= 9; ++now) pool.maintain(now);
    std::vector<Slot*> all;
    while (Slot* slot = pool.acquire(10)) {
      RL_ASSERT(std::find(all.begin(), all.end(), slot) == all.end());
      all.push_back(slot);
    }
    RL_ASSERT(all.size() == board["pool.slots"] && all.size() >= 1 && all.size() <= 4);
  }
};

// The keeper's thread (Keeper::run) sleeps until slots run low or it is stopped.
struct Keep : rl::test_suite<Keep, 2> {
  zc::Scoreboard board;
  zc::SlotPool pool{{2, 8, Policy::adaptive, false, false, {2, 4, UINT64_MAX}}, board};
  rl::atomic<bool> stopping{false};
  rl::atomic<bool> grown{false};

  void thread(unsigned me) {
    if (me == 0) {
      while (!stopping.load(rl::mo_acquire, $)) {
        if (pool.maintain(1)) grown.store(true, rl::mo_release, $);
        pool.wait_for_demand(kEver);
      }
    } else {
      Slot* first = pool.acquire(1);
      Slot* second = pool.acquire(1);
      rl::linear_backoff wait;
      while (!grown.load(rl::mo_acquire, $)) wait.yield($);
      stopping.store(true, rl::mo_release, $);
      pool.wake_maintenance();
      RL_ASSERT(pool.acquire(1) != nullptr && first != nullptr && second != nullptr);
    }
  }
};

zc::StreamConfig config(std::size_t slots, std::size_t queue, Policy policy) {
  zc::StreamConfig made;
  made.frames = 1;
  made.queue = queue;
  made.pool = {slots, 8, policy, false};
  return made;
}

// A stream to its end: the producer waits for slots and for room, the reader for packets; another thread
// returns.
template <int Slots, int Queue>
struct Stream : rl::test_suite<Stream<Slots, Queue>, 3> {
  static constexpr std::uint64_t kPackets = 3;
  zc::Scoreboard board;
  zc::Capture capture{config(Slots, Queue, Policy::block), board};
  rl::atomic<Slot*> handed[kPackets];

  void before() {
    for (auto& one : handed) one.store(nullptr, rl::mo_relaxed, $);
  }

  void thread(unsigned me) {
    if (me == 0) {  // Replay::run
      for (std::uint64_t k = 0; k < kPackets; ++k) {
        RL_ASSERT(capture.wait_for_reader());
        Slot* slot = capture.open_packet(1, true);
        RL_ASSERT(slot != nullptr);
        capture.publish(slot, k, 0);
      }
      capture.end();
    } else if (me == 1) {  // engine_read
      std::uint64_t next = 0;
      for (;;) {
        if (Slot* slot = capture.try_read()) {
          RL_ASSERT(slot->sequence == next && slot->time_ns == next && slot->flags == 0);
          handed[next++].store(slot, rl::mo_release, $);
        } else if (capture.drained()) {
          break;
        } else {
          capture.wait_for_packet(kEver);
        }
      }
      RL_ASSERT(next == kPackets);
    } else {  // a lease dies
      for (auto& one : handed) {
        rl::linear_backoff wait;
        Slot* slot = nullptr;
        while ((slot = one.load(rl::mo_acquire, $)) == nullptr) wait.yield($);
        capture.release(slot);
      }
    }
  }

  void after() {
    RL_ASSERT(board["pool.in_flight"] == 0 && board["engine.queued"] == 0);
    RL_ASSERT(board["engine.delivered"] == kPackets && board["engine.drops"] == 0);
  }
};

// Somebody stops while the producer waits for a slot that the application does not return, and the reader for
// a packet.
struct Stop : rl::test_suite<Stop, 3> {
  zc::Scoreboard board;
  zc::Capture capture{config(1, 2, Policy::block), board};
  Slot* held = nullptr;

  void thread(unsigned me) {
    if (me == 0) {
      for (std::uint64_t k = 0; k < 3 && capture.wait_for_reader(); ++k) {
        if (Slot* slot = capture.open_packet(1, true)) capture.publish(slot, k, 0);
      }
      RL_ASSERT(capture.stopping());
      capture.end();
    } else if (me == 1) {
      for (;;) {
        if (Slot* slot = capture.try_read()) {
          RL_ASSERT(held == nullptr);
          held = slot;
        } else if (capture.drained()) {
          break;
        } else {
          capture.wait_for_packet(kEver);
        }
      }
    } else {
      capture.request_stop();
    }
  }

  void after() {
    if (held != nullptr) capture.release(held);
    RL_ASSERT(board["pool.in_flight"] == 0);
    RL_ASSERT(board["engine.captured"] == board["engine.delivered"] + board["engine.drops"]);
  }
};

// A paced replay sleeps towards a deadline that is far away; stop cuts the sleep short (Replay::sleep_until,
// stop).
struct Wake : rl::test_suite<Wake, 2> {
  zc::Scoreboard board;
  zc::Capture capture{config(1, 1, Policy::drop), board};
  zc::Event wake;

  void thread(unsigned me) {
    if (me == 0) {
      while (!capture.stopping()) wake.wait_for(kEver);
    } else {
      capture.request_stop();
      wake.set();
    }
  }
};

// An event by itself carries what was written before it was set.
struct Alone : rl::test_suite<Alone, 2> {
  zc::Event event;
  Plain<int> news{0};

  void thread(unsigned me) {
    if (me == 0) {
      while (!event.wait_for(kEver)) {
      }
      RL_ASSERT(news == 1);
    } else {
      news = 1;
      event.set();
    }
  }
};

rl::memory_order named(const std::string& name) {
  if (name == "acquire") return rl::mo_acquire;
  if (name == "release") return rl::mo_release;
  return name == "acq_rel" ? rl::mo_acq_rel : rl::mo_relaxed;
}

template <class Test>
bool holds(const char* name, std::uint64_t iterations) {
  std::ostream silent(nullptr);
  rl::test_params params;
  params.iteration_count = iterations;
  params.output_stream = weakened < 0 ? &std::cerr : &silent;  // a failure's history
  params.progress_stream = &silent;
  params.execution_depth_limit = 20'000;
  if (rl::simulate<Test>(params)) return true;
  std::cout << name << ": " << rl::test_result_str(params.test_result) << "\n";
  return false;
}

}  // namespace
}  // namespace relaxed

int main(int argc, char** argv) {
  using namespace relaxed;
  const std::uint64_t iterations = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000;
  if (argc > 3) {
    weakened = std::atoi(argv[2]);
    weakened_to = named(argv[3]);
  }
  const bool all = holds<FreeSlots>("slots", iterations) && holds<Overflow>("overflow", iterations) &&
                   holds<Adaptive>("adaptive", iterations) && holds<Keep>("keeper", iterations) &&
                   holds<Stream<1, 2>>("stream of one slot", iterations) &&
                   holds<Stream<2, 1>>("stream with a queue of one", iterations) &&
                   holds<Stream<2, 4>>("stream that goes on at half", iterations) &&
                   holds<Stop>("stop", iterations) && holds<Wake>("wake", iterations) &&
                   holds<Alone>("event", iterations);
  return all ? 0 : 1;
}
