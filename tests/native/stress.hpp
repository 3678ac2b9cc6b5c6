// How long and with what a stress test goes on: rounds of random sizes until its seconds are over.
#pragma once

#include <chrono>
#include <cstdlib>
#include <random>

// Each test takes ZCBENCH_STRESS_SECONDS (1 if unset), one round at least. Round n is made of seed n;
// ZCBENCH_STRESS_SEED says where to begin, so that a round that failed can be begun with.
class Stress {
 public:
  // True at the start of each round.
  bool again() {
    const bool more = round_++ == 0 || std::chrono::steady_clock::now() < end_;
    random_.seed(first_seed_ + round_ - 1);
    return more;
  }
  unsigned seed() const { return first_seed_ + round_ - 1; }
  // Any of least..most.
  unsigned between(unsigned least, unsigned most) {
    return std::uniform_int_distribution<unsigned>(least, most)(random_);
  }
  bool either() { return between(0, 1) == 1; }

 private:
  static double number(const char* variable, double otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr ? otherwise : std::atof(text);
  }

  const std::chrono::steady_clock::time_point end_ =
      std::chrono::steady_clock::now() +
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(
          std::chrono::duration<double>(number("ZCBENCH_STRESS_SECONDS", 1)));
  const unsigned first_seed_ = static_cast<unsigned>(number("ZCBENCH_STRESS_SEED", 1));
  unsigned round_ = 0;
  std::mt19937 random_;
};
