// PortAudio's stream callback. Runs on the audio thread: no lock, no GIL, no allocation but under grow.
#pragma once

#include <cstddef>
#include <cstdint>

#include "capture.hpp"

// From portaudio.h (v19); declared here so that building needs no PortAudio.
extern "C" {
struct PaStreamCallbackTimeInfo;
using PaStreamCallbackFlags = unsigned long;
int zc_portaudio_callback(const void* input, void* output, unsigned long frames,
                          const PaStreamCallbackTimeInfo* time, PaStreamCallbackFlags status,
                          void* user_data);
}

namespace zc {

// The callback's user data. It must outlive the PortAudio stream: close the stream first.
class DeviceInput {
 public:
  explicit DeviceInput(Capture& capture) : capture_(capture) {}

  // `input` may be null (PortAudio has nothing): silence.
  void on_audio(const std::byte* input, std::size_t frames, bool xrun) noexcept;
  // After the stream was closed: the half-filled packet is dropped, the stream ends.
  void stop() noexcept;

 private:
  Capture& capture_;
  Slot* slot_ = nullptr;    // the packet being filled; null while it is being dropped
  std::size_t filled_ = 0;  // its frames so far
  std::uint32_t flags_ = 0;
  bool started_ = false;
};

}  // namespace zc
