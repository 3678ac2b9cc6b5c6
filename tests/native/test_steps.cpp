// What acquire and return cost, counted and not timed: the compiler reports each basic block that the pool
// enters
// (-fsanitize-coverage=trace-pc, of gcc and clang), so a loop over slots would show up as steps.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "page.hpp"
#include "pool.hpp"

namespace {
thread_local std::uint64_t t_steps = 0;
}

extern "C" void __sanitizer_cov_trace_pc();
extern "C" void __sanitizer_cov_trace_pc() { ++t_steps; }

namespace {

constexpr std::size_t kSizes[] = {10, 100, 1'000, 10'000, 100'000};

zc::PoolConfig config(std::size_t slots, zc::Policy policy) {
  return {slots, 64, policy, false, false, {slots, 2 * slots, 1'000'000'000}};
}

template <class Body>
std::uint64_t steps(Body body) {
  const std::uint64_t before = t_steps;
  body();
  return t_steps - before;
}

// Steps of the dearest of `turns` turns: `held` slots are out, one more is acquired, the oldest comes back.
// All times are the same, so that a histogram's maximum is new only once.
std::uint64_t dearest_turn(zc::SlotPool& pool, std::size_t held, std::size_t turns) {
  std::vector<zc::Slot*> out;
  for (std::size_t i = 0; i < held; ++i) out.push_back(pool.acquire(1));
  std::uint64_t most = 0;
  for (std::size_t turn = 0; turn < turns + 2; ++turn) {
    zc::Slot* slot = nullptr;
    std::uint64_t taken = steps([&] { slot = pool.acquire(1); });
    if (held > 0) std::swap(slot, out[turn % held]);
    taken += steps([&] { pool.release(slot, 2); });
    if (turn >= 2) most = std::max(most, taken);  // the first two raise the high water and the maximum
  }
  for (zc::Slot* slot : out) pool.release(slot, 2);
  return most;
}

}  // namespace

TEST_CASE("the steps are counted, and what goes through all slots takes as many more") {
  Page small;
  Page large;
  const zc::SlotPool few(config(10, zc::Policy::drop), small.board());
  const zc::SlotPool many(config(10'000, zc::Policy::drop), large.board());
  const std::uint64_t of_few = steps([&] { few.oldest_lease_ns(1); });
  CHECK(of_few > 0);
  // A thousand times as many slots; a compiler may unroll the loop.
  CHECK(steps([&] { many.oldest_lease_ns(1); }) > 100 * of_few);
}

TEST_CASE(
    "acquire and return take the same steps with 10 slots and with 100,000, most of them free or held") {
  for (const zc::Policy policy : {zc::Policy::grow, zc::Policy::drop, zc::Policy::adaptive}) {
    std::vector<std::uint64_t> found;
    for (const std::size_t slots : kSizes) {
      // Twice round all of the slots: also over the end of the ring.
      for (const std::size_t held : {std::size_t{0}, slots / 2 - 1}) {
        Page page;
        zc::SlotPool pool(config(slots, policy), page.board());
        found.push_back(dearest_turn(pool, held, 2 * slots));
        CHECK(page["pool.misses"] == 0);
      }
    }
    for (const std::uint64_t taken : found) CHECK(taken == found.front());
    CHECK(found.front() > 5);
    CHECK(found.front() < 100);
  }
}

TEST_CASE("a miss that allocates takes the same steps whatever is held already") {
  Page page;
  zc::SlotPool pool(config(1, zc::Policy::grow), page.board());
  const std::uint64_t first = dearest_turn(pool, 100, 1'000);
  CHECK(dearest_turn(pool, 10'000, 20'000) == first);
}

TEST_CASE("acquire and return take the same steps after a million packets") {
  Page page;
  zc::SlotPool pool(config(100, zc::Policy::drop), page.board());
  const std::uint64_t early = dearest_turn(pool, 10, 1'000);
  dearest_turn(pool, 10, 1'000'000);
  CHECK(dearest_turn(pool, 10, 1'000) == early);
}
