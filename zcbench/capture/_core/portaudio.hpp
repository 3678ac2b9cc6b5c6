// PortAudio's stream callback. Runs on the audio thread: no lock, no GIL, no allocation but under grow.
//
// What it calls, and why each is bounded (tests/native/test_realtime.cpp aborts on malloc and on a mutex):
// - SlotPool::acquire: a compare-and-swap, tried again only when another thread's succeeded.
// - note_demand (adaptive): the same; at most one futex wake, while the keeper sleeps.
// - memcpy of a block: the slab's pages were touched when it was made, and locked if that was asked for.
// - crc32 of a block: only when a verifier asks for it.
// - PacketRing::push: two loads and two stores.
// - EventCount::notify: a fence and a load; a futex wake (never a wait) while the reader sleeps.
// - SlotPool::release: only when the queue is full. It may yield to a thread that was stopped between two
//   instructions of a pop, where every other cell is full: it waits for no lock.
// - Histogram, Counter: relaxed atomics on a page that is mapped and touched.
// - schedule_this_thread: one system call, before the first packet.
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
