// A capture program in C++: a producer thread, a pool, a queue, a consumer that holds packets for a while.
//
//   c++ -std=c++17 -O2 -pthread -I"$(zcbench include)" capture.cpp -o capture
//   zcbench run soak.toml
//
// SIGTERM, or the end of --seconds, drains it. --lose-every 50 forgets to give back one slot in 50.
#include <atomic>
#include <chrono>
#include <csignal>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "zcpage.h"

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kBlockBytes = 3840;
std::atomic<bool> stopped{false};

std::int64_t ns(Clock::duration time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

// Slots that any thread may give back. Its counters have zcbench's names, so that its checks judge them.
class Pool {
 public:
  Pool(zc_page* page, std::size_t slots)
      : slab_(slots * kBlockBytes),
        hits_(page, "pool.hits", "acquires", ZC_TOTAL, "producer"),
        misses_(page, "pool.misses", "acquires", ZC_TOTAL, "producer"),
        refused_(page, "pool.refused", "acquires", ZC_TOTAL, "producer"),
        returns_(page, "pool.returns", "returns", ZC_TOTAL),
        in_flight_(page, "pool.in_flight", "leases", ZC_GAUGE),
        high_water_(page, "pool.high_water", "leases", ZC_GAUGE) {
    zcpage::Counter(page, "pool.slots", "slots", ZC_CONSTANT, "producer") = static_cast<std::int64_t>(slots);
    in_flight_ = 0;
    high_water_ = 0;
    for (std::size_t i = 0; i < slots; ++i) free_.push_back(&slab_[i * kBlockBytes]);
  }

  // A free slot, or null.
  unsigned char* acquire() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) {
      ++misses_;
      ++refused_;
      return nullptr;
    }
    unsigned char* slot = free_.front();  // first in, first out: a late reader has the longest grace
    free_.pop_front();
    ++hits_;
    ++in_flight_;
    high_water_.raise_to(in_flight_.get());
    return slot;
  }

  void release(unsigned char* slot) {
    const std::lock_guard lock(mutex_);
    free_.push_back(slot);
    --in_flight_;
    ++returns_;
  }

 private:
  std::mutex mutex_;
  std::vector<unsigned char> slab_;
  std::deque<unsigned char*> free_;
  zcpage::Counter hits_, misses_, refused_;
  zcpage::SharedCounter returns_, in_flight_, high_water_;
};

struct Packet {
  std::int64_t sequence;
  Clock::time_point captured;
  unsigned char* slot;
};

struct Options {
  double seconds = 0, rate = 100, hold_ms = 30;
  long lose_every = 0;
  long slots = 100;
};

class Program {
 public:
  explicit Program(const Options& options)
      : options_(options), pool_(page_, static_cast<std::size_t>(options.slots)) {
    zc_law(page_, "engine.captured == pool.hits + pool.misses");
    zc_law(page_, "engine.captured == pool.returns + pool.in_flight + pool.refused");
    zc_law(page_, "engine.captured == engine.delivered + engine.drops + engine.queued");
    queued_ = 0;
  }

  void run() {
    std::thread producer(&Program::produce, this);
    zc_state(page_, ZC_READY);
    consume();
    producer.join();
    zc_state(page_, ZC_DONE);
  }

 private:
  void produce() {
    const auto start = Clock::now();
    for (std::int64_t sequence = 1; !stopped; ++sequence) {
      const auto now = Clock::now();
      const auto elapsed_s = static_cast<double>(ns(now - start)) / 1e9;
      if (options_.seconds > 0 && elapsed_s >= options_.seconds) break;
      ++captured_;
      if (unsigned char* slot = pool_.acquire()) {
        std::memset(slot, static_cast<int>(sequence & 0xff), kBlockBytes);
        ++queued_;
        const std::lock_guard lock(mutex_);
        queue_.push_back({sequence, now, slot});
      } else {
        ++drops_;
      }
      const double due_s = static_cast<double>(sequence) / options_.rate;
      std::this_thread::sleep_until(start + std::chrono::nanoseconds(static_cast<std::int64_t>(due_s * 1e9)));
    }
    zc_state(page_, ZC_DRAINING);
    finished_ = true;
  }

  void consume() {
    std::deque<Packet> held;
    for (bool last = false; !last;) {
      last = finished_;  // read before the queue is emptied: nothing comes after it
      for (Packet packet; take(packet);) {
        zc_record(delivery_, ns(Clock::now() - packet.captured));
        held.push_back(packet);
      }
      while (!held.empty() && (last || ns(Clock::now() - held.front().captured) >= hold_ns())) {
        release(held.front());
        held.pop_front();
      }
      if (!last) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  bool take(Packet& packet) {
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) return false;
    packet = queue_.front();
    queue_.pop_front();
    --queued_;
    ++delivered_;
    last_ = packet.sequence;
    ++received_;
    return true;
  }

  void release(const Packet& packet) {
    if (options_.lose_every && packet.sequence % options_.lose_every == 0) return;  // the planted bug
    zc_record(hold_, ns(Clock::now() - packet.captured));
    pool_.release(packet.slot);
  }

  std::int64_t hold_ns() const { return static_cast<std::int64_t>(options_.hold_ms * 1e6); }

  const Options options_;
  zc_page* page_ = zc_open();
  Pool pool_;
  std::mutex mutex_;
  std::deque<Packet> queue_;
  std::atomic<bool> finished_{false};
  zcpage::Counter captured_{page_, "engine.captured", "packets", ZC_TOTAL, "producer"};
  zcpage::Counter drops_{page_, "engine.drops", "packets", ZC_TOTAL, "producer"};
  zcpage::SharedCounter queued_{page_, "engine.queued", "packets", ZC_GAUGE};
  zcpage::Counter delivered_{page_, "engine.delivered", "packets", ZC_TOTAL, "consumer"};
  zcpage::Counter received_{page_, "consumer.received", "packets", ZC_TOTAL, "consumer"};
  zcpage::Counter last_{page_, "consumer.last_sequence", "sequence", ZC_GAUGE, "consumer"};
  zc_histogram delivery_ = zc_declare_histogram(page_, "delivery_ns", "ns", "consumer");
  zc_histogram hold_ = zc_declare_histogram(page_, "hold_ns", "ns", "consumer");
};

}  // namespace

int main(int count, char** arguments) {
  Options options;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = arguments[i];
    const double value = std::atof(arguments[i + 1]);
    if (name == "--seconds") options.seconds = value;
    if (name == "--rate") options.rate = value;
    if (name == "--hold-ms") options.hold_ms = value;
    if (name == "--lose-every") options.lose_every = static_cast<long>(value);
    if (name == "--slots") options.slots = static_cast<long>(value);
  }
  std::signal(SIGTERM, [](int) { stopped = true; });
  std::signal(SIGINT, [](int) { stopped = true; });
  Program(options).run();
}
