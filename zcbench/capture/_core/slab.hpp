// The memory of the pool, one piece at a time: a segment is some slots that come and go together.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace zc {

struct Slot;

inline constexpr std::size_t kAlignment = 64;  // of every slot's payload

std::byte* try_allocate_aligned(std::size_t bytes) noexcept;
void free_aligned(std::byte* memory) noexcept;

// `count` pieces, of `stride` bytes and from piece to piece perhaps a line more, every page of them touched,
// so that no later write faults one in; with `lock` they are also locked in memory, until the segment dies.
// Only pool.cpp knows what a slot holds.
class Segment {
 public:
  // `stride` is a multiple of kAlignment. Throws std::bad_alloc, or std::system_error when it may not be
  // locked.
  Segment(std::size_t count, std::size_t stride, bool lock);
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  std::size_t count() const noexcept { return count_; }
  // All the memory it takes, the slots' metadata included.
  std::size_t bytes() const noexcept;
  std::byte* piece(std::size_t index) const noexcept { return memory_ + index * stride_; }
  Slot* slots() const noexcept { return slots_.get(); }

  // Written and read by maintenance alone: a segment on its way out, and its slots that are back for good.
  bool retired = false;
  std::vector<Slot*> home;

 private:
  const std::size_t count_;
  const std::size_t stride_;
  const bool lock_;
  std::size_t alignment_;
  std::size_t bytes_;
  std::byte* memory_ = nullptr;
  std::unique_ptr<Slot[]> slots_;
};

// Whether the operating system lets this process lock so many bytes in memory: 0, or its error number.
int try_lock_memory(std::size_t bytes);

}  // namespace zc
