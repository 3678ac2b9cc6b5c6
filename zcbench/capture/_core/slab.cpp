#include "slab.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <new>
#include <system_error>

#include "pool.hpp"

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>
#else
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace zc {

namespace {

std::size_t page_bytes() noexcept {
#if defined(_WIN32)
  SYSTEM_INFO info;
  GetSystemInfo(&info);
  return info.dwPageSize;
#else
  return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
#endif
}

int lock_pages(std::byte* memory, std::size_t bytes) noexcept {
#if defined(_WIN32)
  return VirtualLock(memory, bytes) != 0 ? 0 : ENOMEM;
#else
  return mlock(memory, bytes) == 0 ? 0 : errno;
#endif
}

void unlock_pages(std::byte* memory, std::size_t bytes) noexcept {
#if defined(_WIN32)
  VirtualUnlock(memory, bytes);
#else
  munlock(memory, bytes);
#endif
}

// A pool is walked through slot by slot: in pages of 4 KiB, a large one has more of them than the TLB. Linux
// gives pages of 2 MiB to whom asks, and in two times that there is room for a whole one, wherever it begins.
// Elsewhere there is no such advice to give.
void ask_for_huge_pages([[maybe_unused]] std::byte* memory, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(MADV_HUGEPAGE)
  constexpr std::size_t kHugePage = std::size_t{2} << 20U;
  if (bytes < 2 * kHugePage) return;
  const std::size_t page = page_bytes();
  const std::size_t before = (page - reinterpret_cast<std::uintptr_t>(memory) % page) % page;
  madvise(memory + before, (bytes - before) / page * page, MADV_HUGEPAGE);  // advice: it may be refused
#endif
}

// Pieces of whole pages would all begin at the same place of a page, and there in the same set of every cache
// (64 sets of 64 bytes are a page): what each packet's first and last line push out is the other packets'.
// One line more between them has each begin in the next set (Bonwick, "The Slab Allocator", 1994: colouring).
std::size_t spread(std::size_t stride) {
  constexpr std::size_t kAllSets = 4096;
  return stride % kAllSets == 0 ? stride + kAlignment : stride;
}

std::size_t product(std::size_t count, std::size_t stride) {
  if (count > SIZE_MAX / stride) throw std::bad_alloc();
  return count * stride;
}

std::size_t rounded_up(std::size_t bytes, std::size_t to) {
  if (bytes > SIZE_MAX - to) throw std::bad_alloc();
  return (bytes + to - 1) / to * to;
}

}  // namespace

std::byte* try_allocate_aligned(std::size_t bytes) noexcept {
  return static_cast<std::byte*>(::operator new(bytes, std::align_val_t{kAlignment}, std::nothrow));
}

void free_aligned(std::byte* memory) noexcept { ::operator delete(memory, std::align_val_t{kAlignment}); }

// Locking works on whole pages: a locked segment has pages of its own, or unlocking it would unlock others.
Segment::Segment(std::size_t count, std::size_t stride, bool lock)
    : count_(count),
      stride_(spread(stride)),
      lock_(lock),
      alignment_(lock ? std::max(kAlignment, page_bytes()) : kAlignment),
      bytes_(rounded_up(product(count, stride_), alignment_)),
      slots_(new Slot[count]) {
  home.reserve(count);
  memory_ = static_cast<std::byte*>(::operator new(bytes_, std::align_val_t{alignment_}));
  ask_for_huge_pages(memory_, bytes_);
  std::memset(memory_, 0, bytes_);
  if (!lock_) return;
  if (const int error = lock_pages(memory_, bytes_); error != 0) {
    ::operator delete(memory_, std::align_val_t{alignment_});
    throw std::system_error(error, std::generic_category(), "the pool cannot be locked in memory");
  }
}

Segment::~Segment() {
  if (lock_) unlock_pages(memory_, bytes_);
  ::operator delete(memory_, std::align_val_t{alignment_});
}

std::size_t Segment::bytes() const noexcept { return bytes_ + count_ * (sizeof(Slot) + sizeof(Slot*)); }

int try_lock_memory(std::size_t bytes) {
  try {
    const Segment segment(1, std::max<std::size_t>(bytes, 1), true);
    return 0;
  } catch (const std::system_error& error) {
    return error.code().value();
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  }
}

}  // namespace zc
