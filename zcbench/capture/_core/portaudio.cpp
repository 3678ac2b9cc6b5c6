#include "portaudio.hpp"

#include <algorithm>
#include <cstring>

#include "clock.hpp"

namespace zc {

void DeviceInput::on_audio(const std::byte* input, std::size_t frames, bool xrun) noexcept {
  if (capture_.stopping()) return;  // closing the stream takes a while; the stream is over now
  const std::uint64_t now = now_ns();
  const StreamConfig& stream = capture_.config();
  if (!started_) {
    // The stream began when the first frame of this block was taken.
    started_ = true;
    capture_.schedule_producer();
    capture_.set_start(now - static_cast<std::uint64_t>(static_cast<double>(frames) * 1e9 / stream.rate));
  }
  // 1. Note what PortAudio says was lost before this block.
  if (xrun) {
    capture_.count_xrun();
    flags_ |= kXrun;
  }
  // 2. Copy the block into packets. Normally one each; a host that ignores our block size may split them.
  while (frames > 0) {
    if (filled_ == 0) slot_ = capture_.open_packet(now, false);
    const std::size_t piece = std::min(frames, stream.frames - filled_);
    const std::size_t bytes = piece * stream.frame_bytes;
    if (slot_ != nullptr) {
      std::byte* to = slot_->data + filled_ * stream.frame_bytes;
      if (input != nullptr) {
        std::memcpy(to, input, bytes);
      } else {
        std::memset(to, 0, bytes);
      }
    }
    if (input != nullptr) input += bytes;
    filled_ += piece;
    frames -= piece;
    // 3. Publish each packet that is full.
    if (filled_ == stream.frames) {
      if (slot_ != nullptr) {
        capture_.publish(slot_, now, flags_);
        flags_ = 0;
      }
      slot_ = nullptr;
      filled_ = 0;
    }
  }
  capture_.record_callback(now_ns() - now);
}

void DeviceInput::stop() noexcept {
  if (slot_ != nullptr) {
    capture_.abandon(slot_);
    slot_ = nullptr;
  }
  filled_ = 0;
  capture_.end();
}

}  // namespace zc

extern "C" int zc_portaudio_callback(const void* input, void* /*output*/, unsigned long frames,
                                     const PaStreamCallbackTimeInfo* /*time*/, PaStreamCallbackFlags status,
                                     void* user_data) {
  constexpr PaStreamCallbackFlags kInputUnderflow = 1;
  constexpr PaStreamCallbackFlags kInputOverflow = 2;
  constexpr int kContinue = 0;
  static_cast<zc::DeviceInput*>(user_data)->on_audio(static_cast<const std::byte*>(input), frames,
                                                     (status & (kInputUnderflow | kInputOverflow)) != 0);
  return kContinue;
}
