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
      stride_(stride),
      lock_(lock),
      alignment_(lock ? std::max(kAlignment, page_bytes()) : kAlignment),
      bytes_(rounded_up(count * stride, alignment_)),
      slots_(new Slot[count]) {
  home.reserve(count);
  memory_ = static_cast<std::byte*>(::operator new(bytes_, std::align_val_t{alignment_}));
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
