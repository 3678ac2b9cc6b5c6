#include <doctest/doctest.h>

#include "rings.hpp"

TEST_CASE("free slots come out in the order they came back") {
  zc::FreeRing<int> ring(5);
  for (int i = 0; i < 5; ++i) CHECK(ring.push(i));
  int value = -1;
  for (int round = 0; round < 100; ++round) {
    REQUIRE(ring.pop(value));
    CHECK(value == round % 5);
    CHECK(ring.push(value));
  }
}

TEST_CASE("an empty ring says so, also after many laps") {
  zc::FreeRing<int> ring(1);
  int value = 0;
  for (int lap = 0; lap < 1000; ++lap) {
    CHECK(ring.empty());
    CHECK_FALSE(ring.pop(value));
    CHECK(ring.push(lap));
    CHECK_FALSE(ring.empty());
    REQUIRE(ring.pop(value));
    CHECK(value == lap);
  }
}

TEST_CASE("the packet queue is bounded and keeps the order") {
  zc::PacketRing<int> ring(3);  // rounded up to 4
  for (int i = 0; i < 4; ++i) CHECK(ring.push(i));
  CHECK(ring.full());
  CHECK_FALSE(ring.push(4));
  int value = -1;
  for (int i = 0; i < 4; ++i) {
    REQUIRE(ring.pop(value));
    CHECK(value == i);
  }
  CHECK(ring.empty());
}
