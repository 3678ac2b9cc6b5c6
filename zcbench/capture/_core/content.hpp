// What a replayed packet holds: its piece of the looped PCM, under a stamp that only this packet has.
//
// PCM that loops repeats: a slot that was never written would hold the right bytes as soon as the loop and
// the pool are of one length. So each packet's sequence number is mixed into the whole of it. The
// specification is zcbench.capture.sources.ReplaySource.block.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace zc {

// Odd, so that the first n bytes of sequence * kStampPerPacket differ in any 256^n packets in a row (n up to
// 8), and with bits that look random (the golden ratio, and the multiplier of Steele and Vigna's LXM).
inline constexpr std::uint64_t kStampPerPacket = 0x9E3779B97F4A7C15;
inline constexpr std::uint64_t kStampPerWord = 0xD1342543DE82EF95;
// So many samples carry the bytes of that product. Packets of fewer are stamped in every byte, not in the
// first of each sample.
inline constexpr std::size_t kNumbered = 8;

class Content {
 public:
  struct Config {
    std::span<const std::byte> pcm;  // whole frames, at least one; looped
    std::size_t packet_bytes = 0;
    std::size_t item_bytes = 1;  // of a sample: 1, 2 or 4
    bool stamped = false;
  };

  explicit Content(const Config& config)
      : config_(config), unit_(config.packet_bytes < kNumbered * config.item_bytes ? 1 : config.item_bytes) {}

  std::size_t packet_bytes() const noexcept { return config_.packet_bytes; }

  // Fills a packet.
  void write(std::byte* packet, std::uint64_t sequence) const noexcept {
    write(packet, sequence, 0, config_.packet_bytes);
  }

  // `length` bytes of a packet, those from `at` on. `at` is a multiple of kPiece, or nothing is stamped.
  void write(std::byte* to, std::uint64_t sequence, std::size_t at, std::size_t length) const noexcept {
    // sequence * packet_bytes may pass 2^64 only after 152 years of 48 kHz stereo float32.
    copy(to, static_cast<std::size_t>((sequence * config_.packet_bytes + at) % config_.pcm.size()), length);
    if (!config_.stamped) return;
    if (at == 0) number(to, sequence, length);
    const std::size_t numbered = std::min(length, at == 0 ? kNumbered * unit_ : 0);
    mix(to + numbered, sequence, at + numbered, length - numbered);
  }

  // Whether a packet holds what it should, byte for byte.
  bool equals(const std::byte* packet, std::uint64_t sequence) const noexcept {
    std::array<std::byte, kPiece> expected;
    for (std::size_t at = 0; at < config_.packet_bytes; at += kPiece) {
      const std::size_t length = std::min(kPiece, config_.packet_bytes - at);
      write(expected.data(), sequence, at, length);
      if (std::memcmp(expected.data(), packet + at, length) != 0) return false;
    }
    return true;
  }

 private:
  static constexpr std::size_t kPiece = 4096;  // bytes compared at a time; a multiple of 8

  void copy(std::byte* to, std::size_t at, std::size_t wanted) const noexcept {
    while (wanted > 0) {
      const std::size_t piece = std::min(wanted, config_.pcm.size() - at);
      std::memcpy(to, config_.pcm.data() + at, piece);
      to += piece;
      wanted -= piece;
      at = 0;
    }
  }

  // The first byte of each unit of the packet's beginning: the packet's number.
  void number(std::byte* to, std::uint64_t sequence, std::size_t length) const noexcept {
    std::uint64_t left = sequence * kStampPerPacket;
    for (std::size_t k = 0; k < kNumbered && k * unit_ < length; ++k, left >>= 8) {
      to[k * unit_] ^= static_cast<std::byte>(left & 0xFF);
    }
  }

  // The first byte of each unit behind it: word w of the packet, 8 bytes, with its own multiple.
  void mix(std::byte* to, std::uint64_t sequence, std::size_t at, std::size_t length) const noexcept {
    const std::uint64_t mask = unit_ == 4   ? 0x000000FF000000FF
                               : unit_ == 2 ? 0x00FF00FF00FF00FF
                                            : 0xFFFFFFFFFFFFFFFF;
    std::uint64_t stamp = sequence * kStampPerPacket + at / 8 * kStampPerWord;
    const std::size_t words = length / 8;
    for (std::size_t w = 0; w < words; ++w, stamp += kStampPerWord) {
      std::uint64_t samples;
      std::memcpy(&samples, to + w * 8, 8);
      samples ^= little_endian(stamp & mask);
      std::memcpy(to + w * 8, &samples, 8);
    }
    stamp &= mask;
    for (std::size_t k = words * 8; k < length; ++k, stamp >>= 8)
      to[k] ^= static_cast<std::byte>(stamp & 0xFF);
  }

  static constexpr std::uint64_t little_endian(std::uint64_t value) noexcept {
    if constexpr (std::endian::native == std::endian::little) return value;
    std::uint64_t swapped = 0;
    for (int i = 0; i < 8; ++i, value >>= 8) swapped = swapped << 8 | (value & 0xFF);
    return swapped;
  }

  Config config_;
  std::size_t unit_;
};

}  // namespace zc
