// In place of the core's: Relacy chooses whether a wait was short, so that a run can be repeated.
#pragma once

#include <cstdint>

#include "relaxed.hpp"

namespace zc {

inline std::uint64_t now_ns() {
  static std::uint64_t now = 0;
  return now += 1 + 100'000 * rl::rand(2);
}

}  // namespace zc
