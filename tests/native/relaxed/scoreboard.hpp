// In place of the core's scoreboard: the same classes, counting in plain memory. Counters decide nothing, and
// fibers do not interrupt each other between two atomic steps, so they are exact.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace zc {

using Word = std::uint64_t;

class Counter {
 public:
  explicit Counter(Word* word) : word_(word) {}
  void add(std::uint64_t n = 1) { *word_ += n; }
  void set(std::uint64_t value) { *word_ = value; }
  std::uint64_t get() const { return *word_; }

 protected:
  Word* word_;
};

class SharedCounter : public Counter {
 public:
  using Counter::Counter;
  std::uint64_t add(std::uint64_t n = 1) { return *word_ += n; }
  void subtract(std::uint64_t n = 1) { *word_ -= n; }
  void raise_to(std::uint64_t value) {
    if (*word_ < value) *word_ = value;
  }
};

class Histogram {
 public:
  explicit Histogram(Word*) {}
  void record(std::uint64_t) {}
};
using SharedHistogram = Histogram;

class Scoreboard {
 public:
  Word* counter(const std::string& name) const { return &words_[name]; }
  Word* histogram(const std::string& name) const { return &words_[name]; }
  std::uint64_t operator[](const std::string& name) const { return words_[name]; }

 private:
  mutable std::map<std::string, Word> words_;
};

}  // namespace zc
