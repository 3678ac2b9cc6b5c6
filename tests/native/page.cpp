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

std::uint32_t offset_of(std::size_t bytes) { return static_cast<std::uint32_t>(bytes); }

}  // namespace

Page::Page() {
  const std::size_t entries = kCounters.size() + kHistograms.size();
  const std::size_t data = (sizeof(zc_page) + entries * sizeof(zc_entry) + 63) / 64 * 64;
  const std::size_t size = data + 64 * kCounters.size() + kHistogramBytes * kHistograms.size();
  words_.resize(size / 8 + 8);
  std::byte* at = bytes().data();
  zc_page header{};
  std::memcpy(header.magic, "ZCPAGE\0\0", sizeof header.magic);
  header.version = ZC_VERSION;
  header.entry_bytes = sizeof(zc_entry);
  header.file_bytes = size;
  header.table_at = sizeof(zc_page);
  header.capacity = header.declared = offset_of(entries);
  header.data_at = offset_of(data);
  header.data_bytes = offset_of(size - data);
  header.buckets = ZC_BUCKETS;
  std::memcpy(at, &header, sizeof header);
  std::size_t entry = sizeof(zc_page);
  std::size_t offset = data;
  const auto put = [&](const char* name, zc_kind kind, std::size_t bytes) {
    zc_entry line{};
    std::strncpy(line.name, name, sizeof line.name - 1);
    line.kind = kind;
    line.offset = offset_of(offset);
    std::memcpy(at + entry, &line, sizeof line);
    entry += sizeof line;
    offset += bytes;
  };
  for (const char* name : kCounters) put(name, ZC_TOTAL, 64);
  for (const char* name : kHistograms) put(name, ZC_HISTOGRAM, kHistogramBytes);
}

std::span<std::byte> Page::bytes() { return std::as_writable_bytes(std::span(words_)); }

// A histogram's first word is its count.
std::uint64_t Page::readings(std::string_view name) { return board().histogram(name)->load(); }
