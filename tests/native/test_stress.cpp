// Many threads on one pool and one stream. What a race breaks shows in the laws, in the bytes, or under TSan.
#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "clock.hpp"
#include "page.hpp"
#include "portaudio.hpp"
#include "replay.hpp"
#include "stress.hpp"

namespace {

constexpr std::size_t kBytes = 64;  // of a packet

zc::StreamConfig stream_config(Stress& stress, std::size_t slots, zc::Policy policy) {
  zc::StreamConfig config;
  config.frames = 16;
  config.frame_bytes = kBytes / 16;
  config.queue = stress.between(1, 64);
  config.checksum = stress.either();
  config.pool = {slots, kBytes, policy, stress.either()};
  return config;
}

// 97 packets that are all different.
std::vector<std::byte> content() {
  std::vector<std::byte> bytes(kBytes * 97);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i / kBytes);
  return bytes;
}

void check_laws(Page& page) {
  CHECK(page["pool.in_flight"] == 0);
  CHECK(page["pool.hits"] + page["pool.misses"] == page["engine.captured"]);
  CHECK(page["engine.captured"] == page["engine.delivered"] + page["engine.drops"]);
  CHECK(page["engine.queued"] == 0);
  CHECK(page["pool.overflow_bytes"] == page["pool.overflow_freed_bytes"]);
  CHECK(page["pool.guard_violations"] + page["pool.poison_violations"] == 0);
}

// Threads that look at every byte of what they are handed, and return it: the leases of an application.
class Application {
 public:
  Application(zc::Capture& capture, const std::vector<std::byte>& content, unsigned threads)
      : capture_(capture), content_(content) {
    for (unsigned t = 0; t < threads; ++t) threads_.emplace_back([this] { run(); });
  }

  void hand(zc::Slot* slot) {
    const std::lock_guard lock(mutex_);
    held_.push_back(slot);
  }
  // The number of packets that were not as captured, after all are back.
  std::uint64_t finish() {
    done_ = true;
    for (std::thread& thread : threads_) thread.join();
    return wrong_;
  }

 private:
  void run() {
    for (;;) {
      zc::Slot* slot = nullptr;
      {
        const std::lock_guard lock(mutex_);
        if (!held_.empty()) {
          slot = held_.front();
          held_.pop_front();
        } else if (done_) {
          return;
        }
      }
      if (slot == nullptr) {
        std::this_thread::yield();
        continue;
      }
      const std::byte* expected = content_.data() + slot->sequence * kBytes % content_.size();
      if (std::memcmp(slot->data, expected, kBytes) != 0) ++wrong_;
      capture_.release(slot);
    }
  }

  zc::Capture& capture_;
  const std::vector<std::byte>& content_;
  std::mutex mutex_;
  std::deque<zc::Slot*> held_;
  std::atomic<bool> done_{false};
  std::atomic<std::uint64_t> wrong_{0};
  std::vector<std::thread> threads_;
};

}  // namespace

TEST_CASE("many threads acquire and return; no slot is lost or handed out twice") {
  for (Stress stress; stress.again();) {
    CAPTURE(stress.seed());
    const unsigned slots = stress.between(1, 16);
    const unsigned threads = stress.between(2, 8);
    constexpr unsigned kEach = 5000;
    Page page;
    zc::SlotPool pool({slots, kBytes, stress.either() ? zc::Policy::grow : zc::Policy::drop, stress.either()},
                      page.board());
    std::atomic<std::uint64_t> clashes{0};
    std::vector<std::thread> all;
    for (unsigned t = 0; t < threads; ++t) {
      all.emplace_back([&, t] {
        std::vector<zc::Slot*> held;
        for (unsigned i = 0; i < kEach; ++i) {
          if (zc::Slot* slot = pool.acquire(zc::now_ns())) {
            std::memset(slot->data, static_cast<int>(t), kBytes);
            held.push_back(slot);
          } else {
            pool.refuse();
          }
          if (held.size() > i % 5) {
            for (std::size_t b = 0; b < kBytes; ++b) {
              if (held.front()->data[b] != std::byte(t)) ++clashes;
            }
            pool.release(held.front(), zc::now_ns());
            held.erase(held.begin());
          }
          if (i % 500 == 0) pool.oldest_lease_ns(zc::now_ns());
        }
        for (zc::Slot* slot : held) pool.release(slot, zc::now_ns());
      });
    }
    for (std::thread& thread : all) thread.join();
    CHECK(clashes == 0);
    CHECK(pool.check() == 0);
    CHECK(page["pool.guard_violations"] + page["pool.poison_violations"] == 0);
    CHECK(page["pool.in_flight"] == 0);
    CHECK(page["pool.hits"] + page["pool.misses"] == threads * kEach);
    CHECK(page["pool.returns"] == threads * kEach - page["pool.refused"]);
    CHECK(page["pool.overflow_bytes"] == page["pool.overflow_freed_bytes"]);
    for (unsigned i = 0; i < slots; ++i) {
      zc::Slot* slot = pool.acquire(1);
      REQUIRE(slot != nullptr);
      CHECK(slot->overflow_index == 0);
    }
  }
}

TEST_CASE("many threads return what one reader takes from a running stream, every byte right") {
  const std::vector<std::byte> pcm = content();
  for (Stress stress; stress.again();) {
    CAPTURE(stress.seed());
    constexpr std::uint64_t kPackets = 10'000;
    Page page;
    const zc::Policy policy = stress.either() ? zc::Policy::grow : zc::Policy::block;
    zc::Capture capture(stream_config(stress, stress.between(1, 32), policy), page.board());
    zc::Replay replay(capture, {pcm, zc::Pace::unpaced, 1.0, kPackets});
    Application application(capture, pcm, stress.between(1, 8));
    replay.start();
    std::uint64_t next = 0;
    std::uint64_t out_of_order = 0;
    while (!capture.drained()) {
      zc::Slot* slot = capture.try_read();
      if (slot == nullptr) {
        capture.wait_for_packet(10'000'000);
        continue;
      }
      if (slot->sequence != next++) ++out_of_order;
      application.hand(slot);
    }
    CHECK(application.finish() == 0);
    CHECK(out_of_order == 0);
    CHECK(next == kPackets);
    CHECK(page["engine.drops"] == 0);
    check_laws(page);
  }
}

TEST_CASE("a stream stopped by several threads at any moment gives every slot back") {
  const std::vector<std::byte> pcm = content();
  for (Stress stress; stress.again();) {
    CAPTURE(stress.seed());
    Page page;
    const auto policy = static_cast<zc::Policy>(stress.between(0, 2));
    zc::Capture capture(stream_config(stress, stress.between(1, 8), policy), page.board());
    zc::Replay replay(capture, {pcm, stress.either() ? zc::Pace::real : zc::Pace::unpaced, 1000.0});
    Application application(capture, pcm, stress.between(1, 3));
    const unsigned enough =
        stress.either() ? stress.between(0, 200) : UINT_MAX;  // the reader may leave first
    replay.start();
    std::thread reader([&] {
      for (unsigned read = 0; read < enough && !capture.drained();) {
        if (zc::Slot* slot = capture.try_read()) {
          application.hand(slot);
          ++read;
        } else {
          capture.wait_for_packet(1'000'000'000);
        }
      }
    });
    std::this_thread::sleep_for(std::chrono::microseconds(stress.between(0, 2000)));
    std::vector<std::thread> stoppers;
    for (unsigned t = stress.between(1, 3); t > 0; --t) stoppers.emplace_back([&] { replay.stop(); });
    for (std::thread& thread : stoppers) thread.join();
    reader.join();
    CHECK(application.finish() == 0);
    capture.discard_queue();
    CHECK(capture.drained());
    check_laws(page);
  }
}

TEST_CASE("an audio callback of any block size, while packets are read and returned") {
  const std::vector<std::byte> pcm = content();
  for (Stress stress; stress.again();) {
    CAPTURE(stress.seed());
    Page page;
    const zc::Policy policy = stress.either() ? zc::Policy::grow : zc::Policy::drop;
    zc::Capture capture(stream_config(stress, stress.between(1, 8), policy), page.board());
    zc::DeviceInput device(capture);
    const std::size_t frame_bytes = capture.config().frame_bytes;
    const unsigned most = stress.between(1, 100);
    std::thread audio([&, blocks = stress.between(1, 3000)] {
      std::size_t at = 0;  // frames
      for (unsigned block = 0; block < blocks; ++block) {
        const std::size_t left = pcm.size() / frame_bytes - at;
        const std::size_t frames = std::min<std::size_t>(1 + block % most, left);
        device.on_audio(pcm.data() + at * frame_bytes, frames, block % 100 == 0);
        at = (at + frames) % (pcm.size() / frame_bytes);
      }
      device.stop();
    });
    Application application(capture, pcm, stress.between(1, 4));
    std::uint64_t last = 0;
    std::uint64_t out_of_order = 0;
    while (!capture.drained()) {
      zc::Slot* slot = capture.try_read();
      if (slot == nullptr) {
        capture.wait_for_packet(1'000'000'000);
        continue;
      }
      if (slot->sequence + 1 <= last) ++out_of_order;
      last = slot->sequence + 1;
      application.hand(slot);
    }
    audio.join();
    CHECK(application.finish() == 0);
    CHECK(out_of_order == 0);
    check_laws(page);
  }
}
