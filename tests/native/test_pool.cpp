#include <doctest/doctest.h>

#include <cstring>
#include <deque>
#include <set>
#include <vector>

#include "page.hpp"
#include "pool.hpp"

using zc::Policy;
using zc::Slot;
using zc::SlotPool;

TEST_CASE("every slot is 64-byte aligned and its own") {
  Page page;
  SlotPool pool({7, 100, Policy::drop, false}, page.board());
  std::vector<Slot*> slots;
  for (int i = 0; i < 7; ++i) {
    Slot* slot = pool.acquire(1);
    REQUIRE(slot != nullptr);
    CHECK(reinterpret_cast<std::uintptr_t>(slot->data) % zc::kAlignment == 0);
    std::memset(slot->data, i, 100);
    slots.push_back(slot);
  }
  for (int i = 0; i < 7; ++i) CHECK(slots[static_cast<std::size_t>(i)]->data[99] == std::byte(i));
  CHECK(pool.acquire(1) == nullptr);
  for (Slot* slot : slots) pool.release(slot, 2);
}

TEST_CASE("slots of whole pages begin at different places of a page") {
  Page page;
  for (const std::size_t payload : {4096U, 65536U}) {
    SlotPool pool({64, payload, Policy::drop, false}, page.board());
    std::set<std::uintptr_t> places;
    std::byte* end = nullptr;
    for (int i = 0; i < 64; ++i) {
      Slot* slot = pool.acquire(1);
      CHECK(slot->data >= end);
      end = slot->data + payload;
      std::memset(slot->data, i, payload);
      places.insert(reinterpret_cast<std::uintptr_t>(slot->data) % 4096);
    }
    CHECK(places.size() == 64);
  }
}

TEST_CASE("slots are reused first in first out") {
  Page page;
  SlotPool pool({3, 8, Policy::drop, false}, page.board());
  Slot* a = pool.acquire(1);
  Slot* b = pool.acquire(1);
  Slot* c = pool.acquire(1);
  pool.release(b, 2);
  pool.release(c, 2);
  pool.release(a, 2);
  CHECK(pool.acquire(3) == b);
  CHECK(pool.acquire(3) == c);
  CHECK(pool.acquire(3) == a);
}

TEST_CASE("grow serves a miss from outside the slab and frees it on return") {
  Page page;
  SlotPool pool({2, 8, Policy::grow, false}, page.board());
  std::deque<Slot*> held;
  for (int i = 0; i < 1000; ++i) held.push_back(pool.acquire(1));
  CHECK(page["pool.hits"] == 2);
  CHECK(page["pool.misses"] == 998);
  CHECK(page["pool.overflow_allocations"] == 998);
  CHECK(page["pool.in_flight"] == 1000);
  CHECK(page["pool.high_water"] == 1000);
  CHECK(page["pool.overflow_bytes"] > page["pool.overflow_freed_bytes"]);
  for (Slot* slot : held) pool.release(slot, 2);
  CHECK(page["pool.overflow_bytes"] == page["pool.overflow_freed_bytes"]);
  CHECK(page["pool.in_flight"] == 0);
  CHECK(page["pool.returns"] == 1000);
  CHECK(page["pool.high_water"] == 1000);
  CHECK(page.readings("hold_ns") == 1000);
}

TEST_CASE("the oldest lease is found in the slab and outside it") {
  Page page;
  SlotPool pool({1, 8, Policy::grow, false}, page.board());
  CHECK(pool.oldest_lease_ns(100) == 0);
  Slot* first = pool.acquire(10);
  Slot* overflow = pool.acquire(20);
  CHECK(pool.oldest_lease_ns(100) == 90);
  pool.release(first, 30);
  CHECK(pool.oldest_lease_ns(100) == 80);
  pool.release(overflow, 30);
  CHECK(pool.oldest_lease_ns(100) == 0);
}

TEST_CASE("the debug pool sees a write past the end, before the start, and after the return") {
  Page page;
  SlotPool pool({2, 100, Policy::drop, true}, page.board());
  Slot* slot = pool.acquire(1);
  std::memset(slot->data, 1, 100);
  pool.release(slot, 2);
  CHECK(page["pool.guard_violations"] == 0);
  CHECK(pool.check() == 0);

  Slot* second = pool.acquire(3);
  second->data[100] = std::byte{0};  // one past the end
  pool.release(second, 4);
  CHECK(page["pool.guard_violations"] == 1);

  Slot* third = pool.acquire(5);
  *(third->data - 1) = std::byte{0};  // one before the start
  pool.release(third, 6);
  CHECK(page["pool.guard_violations"] == 2);
  CHECK(pool.check() == 0);

  third->data[50] = std::byte{0};  // after the return
  CHECK(pool.check() == 1);
  CHECK(page["pool.poison_violations"] == 1);
}

TEST_CASE("a pool of a million slots works, and one larger than any memory is refused") {
  Page page;
  SlotPool pool({1'000'000, 64, Policy::drop, false}, page.board());
  CHECK(pool.acquire(1) != nullptr);
  CHECK_THROWS_AS(SlotPool({SIZE_MAX / 64, SIZE_MAX / 2, Policy::drop, false}, page.board()), std::bad_alloc);
}
