// Policy adaptive: slots that come and go under the threads that use them.
#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <deque>
#include <set>
#include <thread>
#include <vector>

#include "clock.hpp"
#include "keeper.hpp"
#include "page.hpp"
#include "pool.hpp"
#include "replay.hpp"

using zc::Policy;
using zc::PoolConfig;
using zc::Slot;
using zc::SlotPool;

namespace {

PoolConfig adaptive(std::size_t slots, std::size_t minimum, std::size_t maximum, bool debug = false) {
  return {slots, 64, Policy::adaptive, debug, false, {minimum, maximum, 0}};
}

std::deque<Slot*> take(SlotPool& pool, int packets) {
  std::deque<Slot*> held;
  for (int i = 0; i < packets; ++i) {
    held.push_back(pool.acquire(1));
    REQUIRE(held.back() != nullptr);
  }
  return held;
}

void give(SlotPool& pool, std::deque<Slot*>& held) {
  while (!held.empty()) {
    pool.release(held.front(), 2);
    held.pop_front();
  }
}

}  // namespace

TEST_CASE("an adaptive pool grows once more than half of it is in flight, up to its maximum") {
  Page page;
  SlotPool pool(adaptive(10, 10, 24), page.board());
  std::deque<Slot*> held = take(pool, 5);
  CHECK_FALSE(pool.maintain(1));
  CHECK_FALSE(pool.wants_more());
  held.push_back(pool.acquire(1));
  CHECK(pool.wants_more());
  CHECK(pool.maintain(1));
  CHECK(page["pool.slots"] == 15);
  CHECK_FALSE(pool.maintain(1));
  // Behind those that are free: first in first out, also over a growth.
  std::set<Slot*> first(held.begin(), held.end());
  for (int i = 0; i < 9; ++i) {
    held.push_back(pool.acquire(1));
    CHECK(first.insert(held.back()).second);
  }
  CHECK(pool.acquire(1) == nullptr);
  CHECK(pool.maintain(1));
  CHECK(page["pool.slots"] == 24);
  CHECK_FALSE(pool.wants_more());
  for (int i = 0; i < 9; ++i) held.push_back(pool.acquire(1));
  CHECK_FALSE(pool.maintain(1));
  CHECK(page["pool.slots"] == 24);
  CHECK(page["pool.misses"] == 1);
  give(pool, held);
}

TEST_CASE("a high water between two steps is not forgotten") {
  Page page;
  SlotPool pool(adaptive(10, 10, 100), page.board());
  std::deque<Slot*> held = take(pool, 9);
  give(pool, held);
  CHECK(pool.maintain(1));
  CHECK(page["pool.slots"] == 18);
}

TEST_CASE("a segment is given up step by step, and its memory only when its last lease has returned") {
  Page page;
  SlotPool pool(adaptive(10, 10, 100, true), page.board());
  const std::uint64_t small = page["pool.slab_bytes"];
  std::deque<Slot*> held = take(pool, 8);
  pool.maintain(1);
  REQUIRE(page["pool.slots"] == 16);
  const std::uint64_t large = page["pool.slab_bytes"];
  give(pool, held);
  // Given one slot of the new segment, still read by somebody
  held = take(pool, 3);
  Slot* last = held.back();
  std::memset(last->data, 7, 64);
  held.pop_back();
  give(pool, held);
  // When demand was low for a whole window
  for (std::uint64_t t = 3; t < 6; ++t) pool.maintain(t);
  CHECK(page["pool.slots"] == 10);
  CHECK(page["pool.shrunk"] == 6);
  // Then the memory stays while the slot is out, and goes with it
  for (std::uint64_t t = 6; t < 9; ++t) pool.maintain(t);
  CHECK(page["pool.slab_bytes"] == large);
  CHECK(last->data[63] == std::byte{7});
  pool.release(last, 9);
  pool.maintain(10);
  CHECK(page["pool.slab_bytes"] == small);
  CHECK(pool.check() == 0);
  CHECK(page["pool.in_flight"] == 0);
  // And what is left is the first ten, each once
  std::deque<Slot*> all = take(pool, 10);
  CHECK(std::set<Slot*>(all.begin(), all.end()).size() == 10);
  CHECK(pool.acquire(1) == nullptr);
  give(pool, all);
}

TEST_CASE("a pool that needs more takes back what it was giving up") {
  Page page;
  SlotPool pool(adaptive(10, 10, 20), page.board());
  std::deque<Slot*> held = take(pool, 10);
  pool.maintain(1);
  REQUIRE(page["pool.slots"] == 20);
  const std::uint64_t bytes = page["pool.slab_bytes"];
  give(pool, held);
  // A lease on the second segment, so that it cannot go at once
  Slot* kept = pool.acquire(3);
  for (std::uint64_t t = 2; t < 6; ++t) pool.maintain(t);
  REQUIRE(page["pool.slab_bytes"] == bytes);
  REQUIRE(page["pool.slots"] == 10);
  held = take(pool, 8);
  pool.maintain(6);
  CHECK(page["pool.slots"] == 20);
  CHECK(page["pool.slab_bytes"] == bytes);
  CHECK(page["pool.grown"] == 20);
  give(pool, held);
  pool.release(kept, 6);
  std::deque<Slot*> all = take(pool, 20);
  CHECK(std::set<Slot*>(all.begin(), all.end()).size() == 20);
  give(pool, all);
}

TEST_CASE("slots begun with above the minimum go when they are not needed") {
  Page page;
  SlotPool pool(adaptive(10, 4, 100), page.board());
  CHECK(page["pool.slots"] == 10);
  for (std::uint64_t t = 1; t < 4; ++t) pool.maintain(t);
  CHECK(page["pool.slots"] == 4);
  CHECK(page["pool.shrunk"] == 6);
}

TEST_CASE("threads acquire and return while the pool grows and shrinks under them") {
  Page page;
  SlotPool pool(adaptive(8, 4, 256, true), page.board());
  const std::uint64_t slot_bytes = page["pool.slab_bytes"] / 8;
  std::atomic<std::uint64_t> clashes{0};
  std::atomic<bool> done{false};
  std::thread keeper([&] {
    while (!done) {
      pool.maintain(zc::now_ns());
      pool.wait_for_demand(100'000);
    }
  });
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      std::deque<Slot*> held;
      for (unsigned i = 0; i < 20'000; ++i) {
        if (Slot* slot = pool.acquire(zc::now_ns())) {
          std::memset(slot->data, static_cast<int>(t), 64);
          held.push_back(slot);
        } else {
          pool.refuse();
        }
        // Demand in waves: most packets held at the crest, none in the trough.
        const unsigned wanted = i / 500 % 2 == 0 ? 30 : 0;
        while (held.size() > wanted) {
          for (std::size_t b = 0; b < 64; ++b) {
            if (held.front()->data[b] != std::byte(t)) ++clashes;
          }
          pool.release(held.front(), zc::now_ns());
          held.pop_front();
        }
      }
      give(pool, held);
    });
  }
  for (std::thread& thread : threads) thread.join();
  done = true;
  pool.wake_maintenance();
  keeper.join();
  CHECK(clashes == 0);
  CHECK(page["pool.grown"] > 0);
  CHECK(page["pool.shrunk"] > 0);
  CHECK(page["pool.slots"] == 8 + page["pool.grown"] - page["pool.shrunk"]);
  CHECK(page["pool.hits"] + page["pool.misses"] == 120'000);
  CHECK(page["pool.returns"] == 120'000 - page["pool.refused"]);
  CHECK(page["pool.in_flight"] == 0);
  CHECK(page["pool.guard_violations"] + page["pool.poison_violations"] == 0);
  CHECK(pool.check() == 0);
  // At rest it comes down to its minimum, and no slot was lost or doubled.
  for (std::uint64_t t = zc::now_ns(), i = 0; i < 200; ++i) pool.maintain(t + i);
  const auto left = static_cast<int>(page["pool.slots"]);
  CHECK(page["pool.slab_bytes"] == static_cast<std::uint64_t>(left) * slot_bytes);
  std::deque<Slot*> all = take(pool, left);
  CHECK(std::set<Slot*>(all.begin(), all.end()).size() == static_cast<std::size_t>(left));
  CHECK(pool.acquire(1) == nullptr);
  give(pool, all);
}

TEST_CASE("an unpaced stream whose reader keeps nothing does not blow up the pool; one that keeps grows it") {
  for (const std::size_t keep : {std::size_t{0}, std::size_t{100}}) {
    Page page;
    zc::StreamConfig config;
    config.frames = 16;
    config.frame_bytes = 4;
    config.pool = adaptive(10, 10, 1000, true);
    config.pool.sizing.shrink_after_ns = 60'000'000'000;
    zc::Capture capture(config, page.board());
    const std::vector<std::byte> content(64);
    zc::Replay replay(capture, {content, zc::Pace::unpaced, 1.0, 5'000});
    zc::Keeper keeper(capture);
    keeper.start();
    replay.start();
    std::deque<Slot*> kept;
    while (!capture.drained()) {
      if (Slot* slot = capture.try_read()) {
        kept.push_back(slot);
        if (kept.size() > keep) {
          capture.release(kept.front());
          kept.pop_front();
        }
      } else {
        capture.wait_for_packet(10'000'000);
      }
    }
    for (Slot* slot : kept) capture.release(slot);
    keeper.stop();
    keeper.stop();
    CHECK(page["engine.drops"] == 0);
    CHECK(page["pool.misses"] == 0);
    CHECK(page["engine.delivered"] == 5'000);
    if (keep == 0) CHECK(page["pool.slots"] == 10);
    if (keep == 100) CHECK(page["pool.slots"] >= 202);
    // At most 102 are in flight: kept, in hand, and the producer's next. With 203 slots that is more than
    // half, and half as many again come.
    CHECK(page["pool.slots"] <= 305);
  }
}
