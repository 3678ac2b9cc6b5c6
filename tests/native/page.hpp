// A scoreboard page in memory, as zcbench/page/scoreboard.py lays it out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "scoreboard.hpp"

class Page {
 public:
  Page();
  zc::Scoreboard board() { return zc::Scoreboard(bytes()); }
  std::uint64_t operator[](std::string_view name) { return board().counter(name)->load(); }
  // The number of readings in a histogram.
  std::uint64_t readings(std::string_view name);
  std::span<std::byte> bytes();

 private:
  std::vector<std::uint64_t> words_;
};
