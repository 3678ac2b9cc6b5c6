#include "page.hpp"

#include <array>
#include <cstring>

namespace {

constexpr std::array kCounters{
    "engine.start_ns",
    "pool.slots",
    "pool.slab_bytes",
    "pool.grown",
    "pool.shrunk",
    "pool.growth_failures",
    "engine.captured",
    "engine.captured_bytes",
    "engine.drops",
    "engine.xruns",
    "pool.hits",
    "pool.misses",
    "pool.refused",
    "pool.overflow_allocations",
    "pool.overflow_bytes",
    "pool.high_water",
    "pool.in_flight",
    "engine.queued",
    "pool.returns",
    "pool.overflow_freed_bytes",
    "pool.guard_violations",
    "pool.poison_violations",
    "engine.delivered",
    "engine.delivered_bytes",
};
constexpr std::array kHistograms{"fill_ns", "queue_ns", "held_ns", "hold_ns", "delivery_ns", "callback_ns"};
constexpr std::size_t kHistogramBytes = 8 * (4 + zc::kBuckets);

}  // namespace

Page::Page() {
  const std::size_t table = 40;
  const std::size_t data = (table + 48 * (kCounters.size() + kHistograms.size()) + 63) / 64 * 64;
  const std::size_t histograms = data + 64 * kCounters.size();
  const std::size_t size = histograms + kHistogramBytes * kHistograms.size();
  words_.resize(size / 8 + 8);
  std::byte* at = bytes().data();
  const auto put = [at](std::size_t offset, auto value) { std::memcpy(at + offset, &value, sizeof value); };
  std::memcpy(at, "ZCBOARD\0", 8);
  put(8, zc::kScoreboardVersion);
  put(12, static_cast<std::uint32_t>(kCounters.size()));
  put(16, static_cast<std::uint32_t>(kHistograms.size()));
  put(20, static_cast<std::uint32_t>(table));
  put(24, static_cast<std::uint32_t>(table + 48 * kCounters.size()));
  put(28, static_cast<std::uint32_t>(zc::kBuckets));
  put(32, static_cast<std::uint64_t>(size));
  std::size_t entry = table;
  std::size_t offset = data;
  for (const char* name : kCounters) {
    std::strncpy(reinterpret_cast<char*>(at + entry), name, 40);
    put(entry + 40, static_cast<std::uint64_t>(offset));
    entry += 48;
    offset += 64;
  }
  for (const char* name : kHistograms) {
    std::strncpy(reinterpret_cast<char*>(at + entry), name, 40);
    put(entry + 40, static_cast<std::uint64_t>(offset));
    entry += 48;
    offset += kHistogramBytes;
  }
}

std::span<std::byte> Page::bytes() { return std::as_writable_bytes(std::span(words_)); }

std::uint64_t Page::readings(std::string_view name) {
  // A histogram's first word is its count; find it through the table as a counter would be.
  const std::byte* at = bytes().data();
  for (std::size_t i = 0; i < kHistograms.size(); ++i) {
    const std::byte* entry = at + 40 + 48 * (kCounters.size() + i);
    if (name != reinterpret_cast<const char*>(entry)) continue;
    std::uint64_t offset = 0;
    std::uint64_t count = 0;
    std::memcpy(&offset, entry + 40, 8);
    std::memcpy(&count, at + offset, 8);
    return count;
  }
  return UINT64_MAX;
}
