// CRC-32 as zlib.crc32 computes it (polynomial 0xEDB88320, reflected; RFC 1952 section 8), eight bytes a
// step with the "slicing-by-8" tables of M. Kounavis and F. Berry, ISCC 2005.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace zc {

namespace detail {

constexpr auto make_crc_tables() {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
    tables[0][byte] = crc;
  }
  for (std::size_t t = 1; t < 8; ++t) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[t - 1][byte];
      tables[t][byte] = (before >> 8U) ^ tables[0][before & 255U];
    }
  }
  return tables;
}

inline constexpr auto kCrcTables = make_crc_tables();

}  // namespace detail

inline std::uint32_t crc32(const std::byte* data, std::size_t bytes) noexcept {
  const auto& t = detail::kCrcTables;
  std::uint32_t crc = 0xFFFFFFFFU;
  for (; bytes >= 8; data += 8, bytes -= 8) {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    std::memcpy(&low, data, 4);
    std::memcpy(&high, data + 4, 4);
    low ^= crc;
    crc = t[7][low & 255U] ^ t[6][(low >> 8U) & 255U] ^ t[5][(low >> 16U) & 255U] ^ t[4][low >> 24U] ^
          t[3][high & 255U] ^ t[2][(high >> 8U) & 255U] ^ t[1][(high >> 16U) & 255U] ^ t[0][high >> 24U];
  }
  for (; bytes > 0; ++data, --bytes) {
    crc = (crc >> 8U) ^ t[0][(crc ^ static_cast<std::uint32_t>(*data)) & 255U];
  }
  return ~crc;
}

}  // namespace zc
