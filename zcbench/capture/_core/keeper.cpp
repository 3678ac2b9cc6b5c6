#include "keeper.hpp"

#include <cstdint>

namespace zc {

namespace {
// For shrinking, for collecting slots of retired segments, and for trying again where memory was refused.
constexpr std::uint64_t kPeriod = 500'000'000;  // ns
}  // namespace

void Keeper::start() {
  thread_ = std::thread([this] { run(); });
}

void Keeper::stop() noexcept {
  stopping_.store(true, std::memory_order_release);
  capture_.pool().wake_maintenance();
  const std::lock_guard lock(stop_mutex_);
  if (thread_.joinable()) thread_.join();
}

void Keeper::run() noexcept {
  while (!stopping_.load(std::memory_order_acquire)) {
    capture_.maintain();
    capture_.pool().wait_for_demand(kPeriod);
  }
}

}  // namespace zc
