#include <doctest/doctest.h>

#include <cstring>
#include <stdexcept>

#include "checksum.hpp"
#include "page.hpp"

TEST_CASE("buckets are exact below 16 and at most a sixteenth wide above") {
  for (std::uint64_t v = 0; v < 16; ++v) CHECK(zc::bucket_of(v) == v);
  CHECK(zc::bucket_of(16) == 16);
  CHECK(zc::bucket_of(31) == 31);
  CHECK(zc::bucket_of(32) == 32);
  CHECK(zc::bucket_of(33) == 32);
  CHECK(zc::bucket_of(UINT64_MAX) == zc::kBuckets - 1);
  std::size_t before = 0;
  for (std::uint64_t v = 1; v < (1ULL << 62); v += v / 8 + 1) {
    CHECK(zc::bucket_of(v) >= before);
    before = zc::bucket_of(v);
  }
}

TEST_CASE("a page that is not a scoreboard is refused") {
  Page page;
  std::vector<std::byte> copy(page.bytes().begin(), page.bytes().end());
  CHECK_THROWS_AS(zc::Scoreboard(std::span(copy).first(16)), std::invalid_argument);
  copy[0] = std::byte{'X'};
  CHECK_THROWS_AS(zc::Scoreboard{std::span(copy)}, std::invalid_argument);
  CHECK_THROWS_AS(page.board().counter("no.such"), std::invalid_argument);
  CHECK_THROWS_AS(page.board().counter("hold_ns"), std::invalid_argument);
  CHECK_THROWS_AS(page.board().histogram("pool.hits"), std::invalid_argument);
}

TEST_CASE("a page whose table or entries lead out of it is refused") {
  const auto damaged = [](std::size_t at, std::uint32_t value) {
    Page page;
    std::memcpy(page.bytes().data() + at, &value, sizeof value);
    return zc::Scoreboard(page.bytes()).counter("pool.hits")->load();
  };
  const std::size_t hits = sizeof(zc_page) + 10 * sizeof(zc_entry) + offsetof(zc_entry, offset);
  CHECK_THROWS_AS(damaged(offsetof(zc_page, declared), UINT32_MAX), std::invalid_argument);
  CHECK_THROWS_AS(damaged(offsetof(zc_page, table_at), UINT32_MAX), std::invalid_argument);
  CHECK_THROWS_AS(damaged(offsetof(zc_page, version), 1), std::invalid_argument);
  CHECK_THROWS_AS(damaged(hits, UINT32_MAX - 7), std::invalid_argument);
  CHECK_THROWS_AS(damaged(hits, 4), std::invalid_argument);
  CHECK(damaged(offsetof(zc_page, heartbeat), 4) == 0);
}

TEST_CASE("the checksum is zlib's CRC-32") {
  const char* text = "123456789";  // the check value of the CRC-32/ISO-HDLC catalogue entry
  CHECK(zc::crc32(reinterpret_cast<const std::byte*>(text), 9) == 0xCBF43926U);
  CHECK(zc::crc32(nullptr, 0) == 0);
}
