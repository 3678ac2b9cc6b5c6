// How many slots an adaptive pool should have: the rules, apart from how slots come and go.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace zc {

struct Sizing {
  std::size_t minimum = 1;
  std::size_t maximum = 1;
  std::uint64_t shrink_after_ns = 10'000'000'000;  // demand must have been low for so long
};

// Half of the slots are to be free at the high water: the reserve while the next segment is being made.
constexpr bool too_few(std::size_t slots, std::uint64_t in_flight) noexcept { return 2 * in_flight > slots; }

// Twice what was in flight, and at least half as many again, so that few segments make a large pool.
constexpr std::size_t grown(const Sizing& sizing, std::size_t slots, std::uint64_t in_flight) noexcept {
  return std::min(sizing.maximum, std::max(static_cast<std::size_t>(2 * in_flight), slots + (slots + 1) / 2));
}

// At most 2 of 5 slots would have been in flight without them: well below what makes it grow again.
constexpr bool can_do_with(const Sizing& sizing, std::size_t slots, std::uint64_t in_flight) noexcept {
  return slots >= sizing.minimum && 5 * in_flight <= 2 * slots;
}

// The most leases in flight since `began`.
struct Window {
  std::uint64_t began = 0;
  std::uint64_t high = 0;
};

}  // namespace zc
