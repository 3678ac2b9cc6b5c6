#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstring>
#include <numeric>
#include <span>
#include <thread>
#include <vector>

#include "checksum.hpp"
#include "page.hpp"
#include "portaudio.hpp"
#include "replay.hpp"

namespace {

zc::StreamConfig stream(std::size_t slots, zc::Policy policy, std::size_t queue = 64) {
  zc::StreamConfig config;
  config.rate = 48'000;
  config.frames = 10;
  config.frame_bytes = 4;
  config.queue = queue;
  config.pool = {slots, 40, policy, false};
  return config;
}

std::vector<std::byte> pcm(std::size_t frames) {
  std::vector<std::byte> bytes(frames * 4);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 256);
  return bytes;
}

void check_laws(Page& page) {
  CHECK(page["engine.captured"] == page["pool.hits"] + page["pool.misses"]);
  CHECK(page["engine.captured"] == page["engine.delivered"] + page["engine.drops"] + page["engine.queued"]);
  CHECK(page["engine.captured"] - page["pool.refused"] == page["pool.returns"] + page["pool.in_flight"]);
}

zc::Slot* wait_for(zc::Capture& capture) {
  for (;;) {
    if (zc::Slot* slot = capture.try_read()) return slot;
    if (capture.drained()) return nullptr;
    capture.wait_for_packet(100'000'000);
  }
}

}  // namespace

TEST_CASE("a replay's packets carry its bytes in order and wrap inside a packet") {
  Page page;
  zc::Capture capture(stream(4, zc::Policy::grow), page.board());
  const auto content = pcm(27);  // not a multiple of 10 frames
  zc::Replay replay(capture, {content, zc::Pace::manual, 1.0, 100});
  replay.start();
  for (std::uint64_t k = 0; k < 100; ++k) {
    REQUIRE(replay.produce(1) == 1);
    zc::Slot* slot = capture.try_read();
    REQUIRE(slot != nullptr);
    CHECK(slot->sequence == k);
    for (std::size_t i = 0; i < 40; ++i) REQUIRE(slot->data[i] == content[(k * 40 + i) % content.size()]);
    capture.release(slot);
  }
  CHECK(replay.produce(1) == 0);
  CHECK(capture.drained());
  CHECK(page["pool.hits"] == 100);
  check_laws(page);
}

TEST_CASE("several packets are read at once, at one moment, and each is counted") {
  Page page;
  zc::Capture capture(stream(8, zc::Policy::grow), page.board());
  const auto content = pcm(10);
  zc::Replay replay(capture, {content, zc::Pace::manual});
  replay.start();
  CHECK(replay.produce(5) == 5);
  std::array<zc::Slot*, 4> taken{};
  REQUIRE(capture.try_read(taken) == 4);
  for (std::uint64_t k = 0; k < 4; ++k) {
    CHECK(taken[k]->sequence == k);
    CHECK(taken[k]->delivered_ns == taken[0]->delivered_ns);
  }
  CHECK(page["engine.queued"] == 1);
  CHECK(page["engine.delivered"] == 4);
  CHECK(page["engine.delivered_bytes"] == 160);
  check_laws(page);
  CHECK(capture.try_read(std::span(taken).first(0)) == 0);
  for (zc::Slot* slot : taken) capture.release(slot);
  REQUIRE(capture.try_read(taken) == 1);
  CHECK(taken[0]->sequence == 4);
  capture.release(taken[0]);
  CHECK(capture.try_read(taken) == 0);
  check_laws(page);
}

TEST_CASE("drop refuses when no slot is free and marks the gap") {
  Page page;
  zc::Capture capture(stream(2, zc::Policy::drop), page.board());
  const auto content = pcm(10);
  zc::Replay replay(capture, {content, zc::Pace::manual});
  replay.start();
  CHECK(replay.produce(5) == 5);
  CHECK(page["engine.drops"] == 3);
  CHECK(page["pool.refused"] == 3);
  check_laws(page);
  capture.release(capture.try_read());
  CHECK(replay.produce(1) == 1);
  capture.release(capture.try_read());
  zc::Slot* after_gap = capture.try_read();
  CHECK(after_gap->sequence == 5);
  CHECK((after_gap->flags & zc::kGap) != 0);
  capture.release(after_gap);
  check_laws(page);
}

TEST_CASE("a full queue drops the packet and gets the slot back") {
  Page page;
  zc::Capture capture(stream(100, zc::Policy::grow, 4), page.board());
  for (int i = 0; i < 6; ++i) {
    zc::Slot* slot = capture.open_packet(zc::now_ns(), false);
    REQUIRE(slot != nullptr);
    capture.publish(slot, 1, 0);
  }
  CHECK(page["engine.queued"] == 4);
  CHECK(page["engine.drops"] == 2);
  CHECK(page["pool.in_flight"] == 4);
  check_laws(page);
  capture.end();
  capture.discard_queue();
  CHECK(page["pool.in_flight"] == 0);
  CHECK(capture.drained());
  check_laws(page);
}

TEST_CASE("block waits for a return and loses nothing") {
  Page page;
  zc::Capture capture(stream(2, zc::Policy::block), page.board());
  const auto content = pcm(10);
  zc::Replay replay(capture, {content, zc::Pace::unpaced, 1.0, 5000});
  replay.start();
  std::uint64_t next = 0;
  while (zc::Slot* slot = wait_for(capture)) {
    CHECK(slot->sequence == next++);
    capture.release(slot);
  }
  CHECK(next == 5000);
  CHECK(page["engine.drops"] == 0);
  CHECK(page["pool.overflow_allocations"] == 0);
  check_laws(page);
}

TEST_CASE("stop ends a producer that waits for a slot") {
  Page page;
  zc::Capture capture(stream(1, zc::Policy::block), page.board());
  const auto content = pcm(10);
  zc::Replay replay(capture, {content, zc::Pace::unpaced});
  replay.start();
  zc::Slot* held = wait_for(capture);
  replay.stop();
  capture.discard_queue();
  CHECK(capture.drained());
  check_laws(page);
  capture.release(held);
  check_laws(page);
}

TEST_CASE("an unpaced replay runs no further ahead than the free slots") {
  Page page;
  zc::Capture capture(stream(4, zc::Policy::grow), page.board());
  const auto content = pcm(10);
  zc::Replay replay(capture, {content, zc::Pace::unpaced, 1.0, 20'000});
  replay.start();
  while (zc::Slot* slot = wait_for(capture)) capture.release(slot);
  CHECK(page["engine.delivered"] == 20'000);
  CHECK(page["pool.misses"] <= page["pool.hits"] / 100);
  check_laws(page);
}

TEST_CASE("an unpaced replay that ran ahead goes on when half of it was read") {
  using namespace std::chrono_literals;
  Page page;
  zc::Capture capture(stream(8, zc::Policy::block), page.board());
  const auto content = pcm(10);
  zc::Replay replay(capture, {content, zc::Pace::unpaced});
  replay.start();
  const auto read = [&](int packets) {
    for (int i = 0; i < packets; ++i) capture.release(wait_for(capture));
  };
  while (page["engine.queued"] < 8) std::this_thread::sleep_for(1ms);
  std::this_thread::sleep_for(300ms);  // it has noticed that there is no slot, and waits
  read(3);
  std::this_thread::sleep_for(20ms);
  CHECK(page["engine.captured"] == 8);
  read(1);
  while (page["engine.captured"] <= 8) std::this_thread::sleep_for(1ms);
  replay.stop();
  capture.discard_queue();
  check_laws(page);
}

TEST_CASE("a paced replay never runs ahead of its deadlines") {
  Page page;
  zc::Capture capture(stream(10, zc::Policy::grow), page.board());
  const auto content = pcm(10);
  zc::Replay replay(capture, {content, zc::Pace::real, 0.5, 50});
  replay.start();
  std::uint64_t before = 0;
  while (zc::Slot* slot = wait_for(capture)) {
    CHECK(slot->queued_ns >= slot->time_ns);
    if (before != 0)
      CHECK(slot->time_ns - before == doctest::Approx(10 / 48'000.0 / 0.5 * 1e9).epsilon(1e-5));
    before = slot->time_ns;
    capture.release(slot);
  }
  CHECK(page["engine.delivered"] == 50);
}

TEST_CASE("the audio callback fills packets from blocks of any size") {
  for (const std::size_t block : {10UL, 7UL, 25UL}) {
    Page page;
    auto config = stream(100, zc::Policy::grow);
    config.checksum = true;
    zc::Capture capture(config, page.board());
    zc::DeviceInput device(capture);
    const auto content = pcm(175);
    for (std::size_t at = 0; at < 175; at += block) {
      CHECK(zc_portaudio_callback(content.data() + at * 4, nullptr,
                                  static_cast<unsigned long>(std::min(block, 175 - at)), nullptr, 0,
                                  &device) == 0);
    }
    for (std::uint64_t k = 0; k < 17; ++k) {
      zc::Slot* slot = capture.try_read();
      REQUIRE(slot != nullptr);
      CHECK(std::memcmp(slot->data, content.data() + k * 40, 40) == 0);
      CHECK(slot->checksum == zc::crc32(slot->data, 40));
      capture.release(slot);
    }
    device.stop();
    CHECK(capture.drained());
    CHECK(page["pool.in_flight"] == 0);
    check_laws(page);
  }
}

TEST_CASE("PortAudio's overflow flag and a missing input are told") {
  Page page;
  zc::Capture capture(stream(4, zc::Policy::grow), page.board());
  zc::DeviceInput device(capture);
  constexpr unsigned long kInputOverflow = 2;
  zc_portaudio_callback(nullptr, nullptr, 10, nullptr, kInputOverflow, &device);
  CHECK(page["engine.xruns"] == 1);
  zc::Slot* slot = capture.try_read();
  REQUIRE(slot != nullptr);
  CHECK((slot->flags & zc::kXrun) != 0);
  CHECK(slot->data[0] == std::byte{0});
  capture.release(slot);
}
