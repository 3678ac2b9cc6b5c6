// The writer's side of the page, whose layout is zcpage.h's; zcbench/page/scoreboard.py makes the file.
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

#define ZCPAGE_LAYOUT_ONLY  // the file is mapped by Python
#include <zcpage.h>

namespace zc {

static_assert(std::endian::native == std::endian::little, "the page is little-endian");
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(sizeof(std::atomic<std::uint64_t>) == sizeof(std::uint64_t));

using Word = std::atomic<std::uint64_t>;

inline constexpr std::size_t kBuckets = ZC_BUCKETS;

// 16 steps an octave, exact below 16 (zcbench/page/layout.py: bucket_of).
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
    if (page.size() < sizeof header_) throw std::invalid_argument("scoreboard: too small for a page");
    std::memcpy(&header_, page.data(), sizeof header_);
    if (std::memcmp(header_.magic, "ZCPAGE\0\0", sizeof header_.magic) != 0) {
      throw std::invalid_argument("scoreboard: not a page");
    }
    if (header_.version != ZC_VERSION || header_.entry_bytes != sizeof(zc_entry) ||
        header_.buckets != kBuckets || header_.file_bytes > page.size() ||
        reinterpret_cast<std::uintptr_t>(page.data()) % alignof(Word) != 0) {
      throw std::invalid_argument("scoreboard: wrong version, size or alignment");
    }
    if (header_.declared > (page.size() - sizeof header_) / sizeof(zc_entry) ||
        header_.table_at > page.size() - header_.declared * sizeof(zc_entry)) {
      throw std::invalid_argument("scoreboard: its table does not fit in the page");
    }
  }

  Word* counter(std::string_view name) const { return find(name, 1); }
  Word* histogram(std::string_view name) const { return find(name, 4 + kBuckets); }

 private:
  Word* find(std::string_view name, std::size_t words) const {
    for (std::uint32_t i = 0; i < header_.declared; ++i) {
      zc_entry entry;
      std::memcpy(&entry, page_.data() + header_.table_at + i * sizeof entry, sizeof entry);
      if (name != std::string_view(entry.name, strnlen(entry.name, sizeof entry.name))) continue;
      if ((entry.kind == ZC_HISTOGRAM) != (words > 1)) break;
      if (entry.offset % sizeof(Word) != 0 || entry.offset + words * sizeof(Word) > page_.size()) break;
      return reinterpret_cast<Word*>(page_.data() + entry.offset);
    }
    throw std::invalid_argument("scoreboard: no valid entry for " + std::string(name));
  }

  std::span<std::byte> page_;
  zc_page header_;
};

}  // namespace zc
