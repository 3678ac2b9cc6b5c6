#include "replay.hpp"

#include <algorithm>

#include "clock.hpp"

namespace zc {

namespace {
constexpr double kLongestWait = 9e18;  // ns, 285 years: what a very slow speed asks for fits in no integer
}

Replay::Replay(Capture& capture, const ReplayConfig& config)
    : capture_(capture),
      config_(config),
      content_({config.pcm, capture.packet_bytes(), config.item_bytes, config.stamped && !config.in_place}) {}

void Replay::start() {
  capture_.set_start(now_ns());
  if (config_.limit == 0) {
    capture_.end();
  } else if (config_.pace != Pace::manual) {
    thread_ = std::thread([this] { run(); });
  }
}

void Replay::stop() noexcept {
  capture_.request_stop();
  wake_.set();
  const std::lock_guard lock(stop_mutex_);
  if (thread_.joinable()) thread_.join();
  capture_.end();
}

void Replay::run() noexcept {
  capture_.schedule_producer();
  const std::uint64_t start = capture_.start();
  const StreamConfig& stream = capture_.config();
  const double period_ns = static_cast<double>(stream.frames) * 1e9 / (stream.rate * config_.speed);
  for (std::uint64_t k = 0; k < config_.limit && !capture_.stopping(); ++k) {
    if (config_.pace == Pace::real) {
      // A packet exists once its last frame does. Absolute, so that lateness never accumulates.
      const double after_ns = std::min(static_cast<double>(k + 1) * period_ns, kLongestWait);
      const std::uint64_t due = start + static_cast<std::uint64_t>(after_ns);
      if (!sleep_until(due)) break;
      capture_one(due);
    } else {
      if (!capture_.wait_for_reader()) break;
      capture_one({});
    }
  }
  capture_.end();
}

std::uint64_t Replay::produce(std::uint64_t packets) noexcept {
  std::uint64_t made = 0;
  while (made < packets && capture_.captured() < config_.limit && !capture_.queue_full() &&
         !capture_.stopping()) {
    if (capture_.config().pool.policy == Policy::block && !capture_.pool().has_free()) break;
    capture_one({});
    ++made;
  }
  if (capture_.captured() == config_.limit) capture_.end();
  return made;
}

void Replay::capture_one(std::optional<std::uint64_t> due_ns) noexcept {
  const std::uint64_t began = now_ns();
  if (Slot* slot = capture_.open_packet(began, config_.pace != Pace::manual)) {
    fill(slot->data, slot->sequence);
    capture_.publish(slot, due_ns.value_or(began), 0);
  }
  capture_.record_callback(now_ns() - began);
}

void Replay::fill(std::byte* slot, std::uint64_t sequence) const noexcept {
  if (!config_.in_place) {
    content_.write(slot, sequence);
    return;
  }
  const std::size_t bytes = capture_.packet_bytes();
  const std::size_t frame = capture_.config().frame_bytes;
  content_.write(slot, sequence, 0, frame);
  content_.write(slot + bytes - frame, sequence, bytes - frame, frame);
}

bool Replay::sleep_until(std::uint64_t deadline) noexcept {
  for (;;) {
    if (capture_.stopping()) return false;
    const std::uint64_t now = now_ns();
    if (now >= deadline) return true;
    wake_.wait_for(deadline - now);
  }
}

}  // namespace zc
