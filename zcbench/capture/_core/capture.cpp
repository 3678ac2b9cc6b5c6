#include "capture.hpp"

#include "checksum.hpp"
#include "clock.hpp"
#include "realtime.hpp"

namespace zc {

namespace {
// How often a waiting producer checks stopping().
constexpr std::uint64_t kSlice = 50'000'000;  // ns
}  // namespace

Capture::Capture(const StreamConfig& config, const Scoreboard& board)
    : config_(config),
      pool_(config.pool, board),
      queue_(config.queue),
      start_(board.counter("engine.start_ns")),
      captured_(board.counter("engine.captured")),
      captured_bytes_(board.counter("engine.captured_bytes")),
      xruns_(board.counter("engine.xruns")),
      drops_(board.counter("engine.drops")),
      queued_(board.counter("engine.queued")),
      delivered_(board.counter("engine.delivered")),
      delivered_bytes_(board.counter("engine.delivered_bytes")),
      fill_(board.histogram("fill_ns")),
      queue_time_(board.histogram("queue_ns")),
      delivery_(board.histogram("delivery_ns")),
      callback_(board.histogram("callback_ns")) {}

Slot* Capture::open_packet(std::uint64_t now, bool may_wait) noexcept {
  const std::uint64_t sequence = captured_.get();
  captured_.add();
  captured_bytes_.add(packet_bytes());
  Slot* slot = pool_.acquire(now);
  if (slot == nullptr && may_wait && config_.pool.policy == Policy::block) {
    resume_at_.store(kAnySlot, std::memory_order_relaxed);
    while (slot == nullptr && !stopping()) {
      resume_.wait_for(kSlice, [this] { return pool_.has_free() || stopping(); });
      slot = pool_.take_late(now_ns());
    }
  }
  if (slot == nullptr) {
    pool_.refuse();
    drop();
    return nullptr;
  }
  slot->sequence = sequence;
  return slot;
}

void Capture::publish(Slot* slot, std::uint64_t time_ns, std::uint32_t flags) noexcept {
  slot->time_ns = time_ns;
  slot->flags =
      flags | (gap_ ? std::uint32_t{kGap} : 0U) | (slot->overflow_index != 0 ? std::uint32_t{kOverflow} : 0U);
  slot->checksum = config_.checksum ? crc32(slot->data, packet_bytes()) : 0;
  slot->queued_ns = now_ns();
  const std::uint64_t fill_ns = slot->queued_ns - slot->acquired_ns.load(std::memory_order_relaxed);
  queued_.add();  // before the reader can see the packet and count it out
  if (queue_.push(slot)) {
    gap_ = false;
    fill_.record(fill_ns);
    packet_ready_.notify();
  } else {
    queued_.subtract();
    abandon(slot);
  }
}

void Capture::abandon(Slot* slot) noexcept {
  pool_.release(slot, now_ns());
  drop();
}

bool Capture::caught_up() const noexcept {
  if (queue_.full()) return false;
  if (pool_.at_reserve()) return queue_.empty() && pool_.has_free();
  return pool_.has_free() || queue_.empty();
}

bool Capture::worth_resuming() const noexcept {
  if (stopping()) return true;
  const std::size_t at = resume_at_.load(std::memory_order_relaxed);
  return at == kAnySlot ? pool_.has_free() : queue_.size() <= at && caught_up();
}

bool Capture::wait_for_reader() noexcept {
  // The common case, told without the reader's index.
  if (queue_.has_room() && pool_.has_free() && !pool_.at_reserve()) return true;
  if (caught_up()) return true;
  resume_at_.store(queue_.size() / 2, std::memory_order_relaxed);
  while (!worth_resuming()) resume_.wait_for(kSlice, [this] { return worth_resuming(); });
  return !stopping();
}

void Capture::notify_producer() noexcept {
  resume_.notify_if([this] { return worth_resuming(); });
}

void Capture::end() noexcept {
  ended_.store(true, std::memory_order_release);
  packet_ready_.notify();
}

std::size_t Capture::try_read(std::span<Slot*> into) noexcept {
  std::size_t count = 0;
  while (count < into.size() && queue_.pop(into[count])) ++count;
  if (count == 0) return 0;
  queued_.subtract(count);
  delivered_.add(count);
  delivered_bytes_.add(count * packet_bytes());
  const std::uint64_t now = now_ns();
  for (Slot* slot : into.first(count)) {
    slot->delivered_ns = now;
    queue_time_.record(now - slot->queued_ns);
    // A replay's capture time is its deadline, which the driver can meet but never beat.
    delivery_.record(now > slot->time_ns ? now - slot->time_ns : 0);
  }
  notify_producer();
  return count;
}

Slot* Capture::try_read() noexcept {
  Slot* slot = nullptr;
  try_read({&slot, 1});
  return slot;
}

void Capture::wait_for_packet(std::uint64_t timeout_ns) noexcept {
  packet_ready_.wait_for(timeout_ns,
                         [this] { return !queue_.empty() || ended_.load(std::memory_order_acquire); });
}

bool Capture::drained() const noexcept {
  // The order matters: the end is announced after the last packet was queued.
  return ended_.load(std::memory_order_acquire) && queue_.empty();
}

void Capture::discard_queue() noexcept {
  Slot* slot = nullptr;
  while (queue_.pop(slot)) {
    queued_.subtract();
    drops_.add();
    release(slot);
  }
}

void Capture::release(Slot* slot) noexcept {
  pool_.release(slot, now_ns());
  notify_producer();
}

void Capture::schedule_producer() noexcept {
  if (config_.priority > 0) schedule_this_thread(config_.priority);
}

void Capture::maintain() noexcept {
  pool_.maintain(now_ns());
  // Also where it did not grow: while it goes through the free slots, a notifier may find none.
  notify_producer();
}

void Capture::request_stop() noexcept {
  stopping_.store(true, std::memory_order_release);
  notify_producer();
}

void Capture::drop() noexcept {
  drops_.add();
  gap_ = true;
}

}  // namespace zc
