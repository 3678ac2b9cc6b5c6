// The writer's side of the scoreboard page; zcbench/page/scoreboard.py describes the layout and
// makes the file.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace zc {

static_assert(std::endian::native == std::endian::little, "the page is little-endian");
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(sizeof(std::atomic<std::uint64_t>) == sizeof(std::uint64_t));

using Word = std::atomic<std::uint64_t>;

inline constexpr std::uint32_t kScoreboardVersion = 1;
inline constexpr std::size_t kBuckets = 976;

// 16 steps an octave, exact below 16 (scoreboard.py: bucket_of).
constexpr std::size_t bucket_of(std::uint64_t value) noexcept {
  if (value < 16) return static_cast<std::size_t>(value);
  const unsigned exponent = static_cast<unsigned>(std::bit_width(value)) - 1U;
  return (exponent - 3U) * 16U + static_cast<std::size_t>((value >> (exponent - 4U)) & 15U);
}

// A counter with one writing thread: a plain load and store, no locked instruction.
class Counter {
 public:
  explicit Counter(Word* word) noexcept : word_(word) {}
  void add(std::uint64_t n = 1) noexcept { set(get() + n); }
  void set(std::uint64_t value) noexcept { word_->store(value, std::memory_order_relaxed); }
  std::uint64_t get() const noexcept { return word_->load(std::memory_order_relaxed); }

 protected:
  Word* word_;
};

// A counter that any thread may change.
class SharedCounter : private Counter {
 public:
  using Counter::Counter;
  using Counter::get;
  std::uint64_t add(std::uint64_t n = 1) noexcept {
    return word_->fetch_add(n, std::memory_order_relaxed) + n;
  }
  void subtract(std::uint64_t n = 1) noexcept { word_->fetch_sub(n, std::memory_order_relaxed); }
  void raise_to(std::uint64_t value) noexcept {
    std::uint64_t seen = get();
    while (seen < value && !word_->compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
    }
  }
};

// Nanoseconds, counted in log buckets, with one recording thread: plain loads and stores, as in Counter.
class Histogram {
 public:
  explicit Histogram(Word* words) noexcept : words_(words) {}
  void record(std::uint64_t ns) noexcept {
    Counter(words_).add();
    Counter(words_ + 1).add(ns);
    if (Counter most(words_ + 2); most.get() < ns) most.set(ns);
    Counter(words_ + 4 + bucket_of(ns)).add();
  }

 private:
  Word* words_;
};

// The same, in which any thread may record.
class SharedHistogram {
 public:
  explicit SharedHistogram(Word* words) noexcept : words_(words) {}
  void record(std::uint64_t ns) noexcept {
    SharedCounter(words_).add();
    SharedCounter(words_ + 1).add(ns);
    SharedCounter(words_ + 2).raise_to(ns);
    SharedCounter(words_ + 4 + bucket_of(ns)).add();
  }

 private:
  Word* words_;
};

// The mapped page. Names that the page does not carry are an error: both sides come from one registry.
class Scoreboard {
 public:
  explicit Scoreboard(std::span<std::byte> page) : page_(page) {
    if (page.size() < kHeaderBytes || std::memcmp(page.data(), "ZCBOARD\0", 8) != 0) {
      throw std::invalid_argument("scoreboard: not a scoreboard page");
    }
    if (read<std::uint32_t>(8) != kScoreboardVersion || read<std::uint32_t>(28) != kBuckets ||
        read<std::uint64_t>(32) > page.size() ||
        reinterpret_cast<std::uintptr_t>(page.data()) % alignof(Word) != 0) {
      throw std::invalid_argument("scoreboard: wrong version, size or alignment");
    }
  }

  Word* counter(std::string_view name) const { return find(name, 20, 12, 1); }
  Word* histogram(std::string_view name) const { return find(name, 24, 16, 4 + kBuckets); }

 private:
  static constexpr std::size_t kHeaderBytes = 40;
  static constexpr std::size_t kNameBytes = 40;
  static constexpr std::size_t kEntryBytes = 48;

  template <class T>
  T read(std::size_t offset) const {
    T value;
    std::memcpy(&value, page_.data() + offset, sizeof value);
    return value;
  }

  Word* find(std::string_view name, std::size_t table_at, std::size_t entries_at, std::size_t words) const {
    const std::size_t table = read<std::uint32_t>(table_at);
    const std::size_t entries = read<std::uint32_t>(entries_at);
    if (table + entries * kEntryBytes > page_.size()) {
      throw std::invalid_argument("scoreboard: its tables do not fit in the page");
    }
    for (std::size_t i = 0; i < entries; ++i) {
      const std::size_t entry = table + i * kEntryBytes;
      const char* text = reinterpret_cast<const char*>(page_.data() + entry);
      if (name != std::string_view(text, strnlen(text, kNameBytes))) continue;
      const auto offset = static_cast<std::size_t>(read<std::uint64_t>(entry + kNameBytes));
      if (offset % sizeof(Word) != 0 || offset + words * sizeof(Word) > page_.size()) break;
      return reinterpret_cast<Word*>(page_.data() + offset);
    }
    throw std::invalid_argument("scoreboard: no valid entry for " + std::string(name));
  }

  std::span<std::byte> page_;
};

}  // namespace zc
