// The unit that pool, queue and leases hand each other.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "rings.hpp"

namespace zc {

class Segment;

// One piece of memory for one packet, in the slab or (overflow) outside it, with the packet's metadata.
// Between acquire() and release() it has one owner; only `acquired_ns` is read by others meanwhile. It has
// cache lines to itself, since its neighbours belong to others; what each packet needs is on the first.
struct alignas(kCacheLine) Slot {
  std::byte* data = nullptr;
  std::atomic<std::uint64_t> acquired_ns{0};  // 0: not in flight
  std::uint64_t queued_ns = 0;
  std::uint64_t delivered_ns = 0;  // 0: never reached the application
  std::uint64_t sequence = 0;
  std::uint64_t time_ns = 0;
  std::uint32_t flags = 0;
  std::uint32_t checksum = 0;
  std::uint32_t overflow_index = 0;             // 1-based; 0 for a slot of the slab
  Segment* segment = nullptr;                   // of the slab that it belongs to
  std::atomic<std::uint32_t> next_overflow{0};  // link in the list of idle overflow headers
};

}  // namespace zc
