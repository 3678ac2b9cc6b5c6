#include "overflow.hpp"

#include <new>
#include <utility>

namespace zc {

Slot* OverflowStack::at(std::uint32_t index) const noexcept {
  return chunks_[(index - 1) / kChunk].load(std::memory_order_acquire) + (index - 1) % kChunk;
}

Slot* OverflowStack::pop() noexcept {
  for (;;) {
    if (Slot* slot = pop_idle(); slot != nullptr) return slot;
    const std::lock_guard lock(chunks_mutex_);
    // Somebody pushed or made some meanwhile: once more.
    if (static_cast<std::uint32_t>(idle_.load(std::memory_order_relaxed)) != 0) continue;
    const std::uint32_t count = chunk_count_.load(std::memory_order_relaxed);
    return count == kMaxChunks ? nullptr : make_chunk(count);
  }
}

// An idle header, or nullptr: there is none.
Slot* OverflowStack::pop_idle() noexcept {
  std::uint64_t head = idle_.load(std::memory_order_acquire);
  while (static_cast<std::uint32_t>(head) != 0) {
    Slot* slot = at(static_cast<std::uint32_t>(head));
    const std::uint64_t next = slot->next_overflow.load(std::memory_order_relaxed);
    const std::uint64_t changes = (head >> 32U) + 1;
    if (idle_.compare_exchange_weak(head, (changes << 32U) | next, std::memory_order_acq_rel,
                                    std::memory_order_acquire)) {
      return slot;
    }
  }
  return nullptr;
}

// Makes chunk `count`, pushes all of its headers but the first, and returns that; with the mutex held.
Slot* OverflowStack::make_chunk(std::uint32_t count) noexcept {
  Chunk chunk(new (std::nothrow) Slot[kChunk]);
  if (chunk == nullptr) return nullptr;
  Slot* first = chunk.get();
  for (std::size_t i = 0; i < kChunk; ++i) {
    first[i].overflow_index = static_cast<std::uint32_t>(count * kChunk + i + 1);
  }
  try {
    owned_chunks_.push_back(std::move(chunk));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
  chunks_[count].store(first, std::memory_order_release);
  chunk_count_.store(count + 1, std::memory_order_release);
  for (std::size_t i = 1; i < kChunk; ++i) push(first + i);
  return first;
}

void OverflowStack::push(Slot* slot) noexcept {
  std::uint64_t head = idle_.load(std::memory_order_relaxed);
  std::uint64_t next = 0;
  do {
    slot->next_overflow.store(static_cast<std::uint32_t>(head), std::memory_order_relaxed);
    next = (((head >> 32U) + 1) << 32U) | slot->overflow_index;
  } while (!idle_.compare_exchange_weak(head, next, std::memory_order_acq_rel, std::memory_order_relaxed));
}

}  // namespace zc
