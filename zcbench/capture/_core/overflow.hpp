// The headers of overflow: slots whose payload lies outside the slab.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "slot.hpp"

namespace zc {

// A header is kept for reuse when its payload is freed. Idle headers form a stack (Treiber's) whose top
// carries a change count in its upper half, so that a reused header is not mistaken (ABA).
// model/idle_stack.pml
class OverflowStack {
 public:
  OverflowStack() : chunks_(new std::atomic<Slot*>[kMaxChunks]()) {}
  OverflowStack(const OverflowStack&) = delete;
  OverflowStack& operator=(const OverflowStack&) = delete;

  // Any thread. An idle header, its payload yet to be allocated; nullptr without memory.
  Slot* pop() noexcept;
  // Any thread. The header must not be touched afterwards.
  void push(Slot* slot) noexcept;

  // Any thread. Calls `look` with every header ever made, idle ones too. O(headers).
  template <class Look>
  void for_each(Look look) const {
    const std::uint32_t chunks = chunk_count_.load(std::memory_order_acquire);
    for (std::uint32_t c = 0; c < chunks; ++c) {
      const Slot* chunk = chunks_[c].load(std::memory_order_acquire);
      for (std::size_t i = 0; i < kChunk; ++i) look(chunk[i]);
    }
  }

 private:
  // Headers made at a time.
  static constexpr std::size_t kChunk = 256;
  static constexpr std::size_t kMaxChunks = 1U << 16U;
  using Chunk = std::unique_ptr<Slot[]>;

  Slot* pop_idle() noexcept;
  Slot* make_chunk(std::uint32_t count) noexcept;
  Slot* at(std::uint32_t index) const noexcept;

  // Only taken to make another chunk, where memory is allocated anyway.
  std::mutex chunks_mutex_;
  std::unique_ptr<std::atomic<Slot*>[]> chunks_;
  std::vector<Chunk> owned_chunks_;
  std::atomic<std::uint32_t> chunk_count_{0};
  // The change count, and the top header's index.
  std::atomic<std::uint64_t> idle_{0};
};

}  // namespace zc
