// The two bounded rings: free slots (many threads, first in first out) and captured packets (one to one).
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace zc {

inline constexpr std::size_t kCacheLine = 64;

// Many producers, many consumers, first in first out: Dmitry Vyukov's bounded queue
// (https://www.1024cores.net/home/lock-free-algorithms/queues/bounded-mpmc-queue).
// Each cell's turn number says whose it is, so there is no ABA. A thread stopped in the middle of push()
// makes the cells behind its own invisible until it goes on: pop() then says "empty" early, never wrong.
template <class T>
class FreeRing {
 public:
  explicit FreeRing(std::size_t capacity)
      : mask_(std::bit_ceil(capacity < 2 ? std::size_t{2} : capacity) - 1), cells_(new Cell[mask_ + 1]) {
    for (std::size_t i = 0; i <= mask_; ++i) cells_[i].turn.store(i, std::memory_order_relaxed);
  }

  bool push(T value) noexcept {
    std::size_t at = tail_.load(std::memory_order_relaxed);
    for (;;) {
      Cell& cell = cells_[at & mask_];
      const std::size_t turn = cell.turn.load(std::memory_order_acquire);
      const auto lead = static_cast<std::ptrdiff_t>(turn - at);
      if (lead == 0) {
        if (tail_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
          cell.value = value;
          cell.turn.store(at + 1, std::memory_order_release);
          return true;
        }
      } else if (lead < 0) {
        return false;
      } else {
        at = tail_.load(std::memory_order_relaxed);
      }
    }
  }

  bool pop(T& value) noexcept {
    std::size_t at = head_.load(std::memory_order_relaxed);
    for (;;) {
      Cell& cell = cells_[at & mask_];
      const std::size_t turn = cell.turn.load(std::memory_order_acquire);
      const auto lead = static_cast<std::ptrdiff_t>(turn - (at + 1));
      if (lead == 0) {
        if (head_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
          value = cell.value;
          cell.turn.store(at + mask_ + 1, std::memory_order_release);
          return true;
        }
      } else if (lead < 0) {
        return false;
      } else {
        at = head_.load(std::memory_order_relaxed);
      }
    }
  }

  // Whether pop() would find something, had it this moment to itself.
  bool empty() const noexcept {
    const std::size_t at = head_.load(std::memory_order_relaxed);
    return cells_[at & mask_].turn.load(std::memory_order_acquire) != at + 1;
  }

  // A mark after what is in the ring now, and whether pop() has yet to reach it: to go through it once.
  // Relaxed: a cell's turn, not these, says that its value is there.
  std::size_t mark() const noexcept { return tail_.load(std::memory_order_relaxed); }
  bool before(std::size_t mark) const noexcept {
    return static_cast<std::ptrdiff_t>(mark - head_.load(std::memory_order_relaxed)) > 0;
  }

 private:
  struct Cell {
    std::atomic<std::size_t> turn;
    T value;
  };
  const std::size_t mask_;
  std::unique_ptr<Cell[]> cells_;
  alignas(kCacheLine) std::atomic<std::size_t> tail_{0};
  alignas(kCacheLine) std::atomic<std::size_t> head_{0};
};

// One producer, one consumer. Each side remembers how far it last saw the other, and looks again only when
// that is not enough: the other's index lies on a cache line that the other core keeps taking back.
template <class T>
class PacketRing {
 public:
  explicit PacketRing(std::size_t capacity)
      : mask_(std::bit_ceil(capacity < 1 ? std::size_t{1} : capacity) - 1), cells_(new T[mask_ + 1]()) {}

  bool push(T value) noexcept {
    if (!has_room()) return false;
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    cells_[tail & mask_] = value;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  bool pop(T& value) noexcept {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head == cached_tail_) cached_tail_ = tail_.load(std::memory_order_acquire);
    if (head == cached_tail_) return false;
    value = cells_[head & mask_];
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

  // Whether push() will succeed. The producer's.
  bool has_room() noexcept {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - cached_head_ > mask_) cached_head_ = head_.load(std::memory_order_acquire);
    return tail - cached_head_ <= mask_;
  }

  bool empty() const noexcept {
    return tail_.load(std::memory_order_acquire) == head_.load(std::memory_order_acquire);
  }
  // Hints, for anybody: what comes of them is looked at again.
  std::size_t size() const noexcept {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    return tail_.load(std::memory_order_relaxed) - head;
  }
  bool full() const noexcept { return size() > mask_; }

 private:
  const std::size_t mask_;
  std::unique_ptr<T[]> cells_;
  alignas(kCacheLine) std::atomic<std::size_t> tail_{0};
  std::size_t cached_head_ = 0;  // the producer's
  alignas(kCacheLine) std::atomic<std::size_t> head_{0};
  std::size_t cached_tail_ = 0;  // the consumer's
};

}  // namespace zc
