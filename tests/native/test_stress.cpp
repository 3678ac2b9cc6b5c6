// Many threads on one pool and one stream. What a race breaks shows in the laws, in the bytes, or under TSan.
#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "clock.hpp"
#include "page.hpp"
#include "replay.hpp"

TEST_CASE("eight threads acquire and return; no slot is lost or handed out twice") {
  for (const zc::Policy policy : {zc::Policy::grow, zc::Policy::drop}) {
    Page page;
    zc::SlotPool pool({16, 64, policy, true}, page.board());
    std::atomic<std::uint64_t> clashes{0};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        std::vector<zc::Slot*> held;
        for (unsigned i = 0; i < 20'000; ++i) {
          if (zc::Slot* slot = pool.acquire(zc::now_ns())) {
            std::memset(slot->data, static_cast<int>(t), 64);
            held.push_back(slot);
          } else {
            pool.refuse();
          }
          if (held.size() > i % 5) {
            for (std::size_t b = 0; b < 64; ++b) {
              if (held.front()->data[b] != std::byte(t)) ++clashes;
            }
            pool.give_back(held.front(), zc::now_ns());
            held.erase(held.begin());
          }
        }
        for (zc::Slot* slot : held) pool.give_back(slot, zc::now_ns());
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(clashes == 0);
    CHECK(pool.check() == 0);
    CHECK(page["pool.guard_violations"] == 0);
    CHECK(page["pool.poison_violations"] == 0);
    CHECK(page["pool.in_flight"] == 0);
    CHECK(page["pool.hits"] + page["pool.misses"] == 160'000);
    CHECK(page["pool.returns"] == 160'000 - page["pool.refused"]);
    CHECK(page["pool.overflow_bytes"] == page["pool.overflow_freed_bytes"]);
    std::vector<zc::Slot*> all;
    for (int i = 0; i < 16; ++i) {
      all.push_back(pool.acquire(1));
      REQUIRE(all.back() != nullptr);
      CHECK(all.back()->overflow_index == 0);
    }
  }
}

TEST_CASE("eight threads return what one reader takes from a running stream, every byte right") {
  for (const zc::Policy policy : {zc::Policy::grow, zc::Policy::block}) {
    Page page;
    zc::StreamConfig config;
    config.frames = 16;
    config.frame_bytes = 4;
    config.queue = 64;
    config.pool = {32, 64, policy, true};
    zc::Capture capture(config, page.board());
    std::vector<std::byte> content(64 * 97);
    for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<std::byte>(i / 64);
    zc::Replay replay(capture, {content, zc::Pace::unpaced, 1.0, 60'000});

    std::mutex mutex;
    std::vector<zc::Slot*> handed;
    std::atomic<bool> done{false};
    std::atomic<std::uint64_t> wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&] {
        for (;;) {
          zc::Slot* slot = nullptr;
          {
            const std::lock_guard lock(mutex);
            if (!handed.empty()) {
              slot = handed.back();
              handed.pop_back();
            } else if (done) {
              return;
            }
          }
          if (slot == nullptr) {
            std::this_thread::yield();
            continue;
          }
          if (std::memcmp(slot->data, content.data() + slot->sequence * 64 % content.size(), 64) != 0)
            ++wrong;
          capture.give_back(slot);
        }
      });
    }
    replay.start();
    std::uint64_t next = 0;
    while (!capture.drained()) {
      zc::Slot* slot = capture.try_read();
      if (slot == nullptr) {
        capture.wait_for_packet(10'000'000);
        continue;
      }
      if (slot->sequence != next++) ++wrong;
      const std::lock_guard lock(mutex);
      handed.push_back(slot);
    }
    done = true;
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
    CHECK(next == 60'000);
    CHECK(page["engine.drops"] == 0);
    CHECK(page["pool.in_flight"] == 0);
    CHECK(page["pool.returns"] == 60'000);
    CHECK(page["pool.guard_violations"] + page["pool.poison_violations"] == 0);
  }
}

TEST_CASE("any number of threads may stop a replay at once") {
  const std::vector<std::byte> content(64);
  for (int round = 0; round < 200; ++round) {
    Page page;
    zc::StreamConfig config;
    config.frames = 16;
    config.frame_bytes = 4;
    config.pool = {4, 64, zc::Policy::grow, false};
    zc::Capture capture(config, page.board());
    zc::Replay replay(capture, {content, zc::Pace::real});
    replay.start();
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) threads.emplace_back([&] { replay.stop(); });
    for (std::thread& thread : threads) thread.join();
    capture.discard_queue();
    CHECK(capture.drained());
  }
}
