// A capture add-on for Node: a producer thread fills slots of a pool, a thread-safe function takes them to
// the event loop, and JavaScript gets each as an external Buffer over the slot's own memory, without a copy.
//
// Which thread runs what: produce() runs on the producer thread; everything that takes a napi_env runs on
// the thread of the event loop, finalizers too. The pool may be used from both.
#include <node_api.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <unordered_map>

#include "pool.hpp"

namespace capture {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kBlockBytes = 3840;  // 480 frames, 2 channels, float32

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

// The one place where a status becomes a JavaScript exception. True if `status` is good.
bool good(napi_env env, napi_status status, const char* doing) {
  if (status == napi_ok) return true;
  bool is_pending = false;
  napi_is_exception_pending(env, &is_pending);
  if (!is_pending) napi_throw_error(env, nullptr, doing);
  return false;
}

struct Named {
  const char* name;
  State state;
};
constexpr Named kStates[] = {
    {"mixed-ownership", State::kMixedOwnership},
    {"no-op-return", State::kNoOpReturn},
    {"lost-slot", State::kLostSlot},
    {"sound", State::kSound},
    {"told", State::kTold},
    {"explicit", State::kExplicit},
    {"copy", State::kCopy},
    {"refused", State::kRefused},
};

struct Options {
  State state;
  std::size_t slots;
  double rate;
  std::int64_t told_bytes;
};

class Capture {
 public:
  explicit Capture(const Options& options)
      : options_(options),
        told_bytes_(options.told_bytes ? options.told_bytes
                                       : 2 * kCollectAtBytes / static_cast<std::int64_t>(options.slots)) {
    zc_law(page_, "engine.captured == engine.delivered + engine.queued + engine.drops");
    queued_ = 0;
    zc_set(zc_declare(page_, "consumer.content_period", "packets", ZC_CONSTANT, "main"),
           std::int64_t{1} << 32);
  }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  ~Capture() { stop(); }

  bool start(napi_env env, napi_value on_packet) {
    napi_value name;
    if (!good(env, napi_create_string_utf8(env, "capture", NAPI_AUTO_LENGTH, &name), "no name")) return false;
    if (!good(env,
              napi_create_threadsafe_function(env, on_packet, nullptr, name, 0, 1, nullptr, nullptr, this,
                                              deliver, &deliver_),
              "the thread-safe function could not be made")) {
      return false;
    }
    producer_ = std::thread(&Capture::produce, this);
    zc_state(page_, ZC_READY);
    return true;
  }

  // The producer ends; what it captured is still delivered, then null.
  void stop() {
    is_stopped_ = true;
    if (producer_.joinable()) producer_.join();
  }

  // Return the slot under `memory` at once. False if nobody holds it.
  bool release(napi_env env, const void* memory) {
    const auto found = out_.find(memory);
    if (found == out_.end()) return false;
    Lease* lease = found->second;
    out_.erase(found);
    give_back(env, *lease);
    return true;
  }

  // What the application saw of a packet when it took it.
  void taken(std::int64_t sequence, bool is_intact) {
    if (sequence > next_) {
      ++gaps_;
      missing_ += sequence - next_;
    } else if (sequence < next_) {
      ++(sequence == next_ - 1 ? duplicates_ : reordered_);
    }
    next_ = std::max(next_, sequence + 1);
    last_ = sequence;
    ++received_;
    ++checked_;
    if (!is_intact) ++corrupt_;
  }

  // What it saw of it when it had done with it.
  void done_with(bool is_intact) {
    ++rechecked_;
    if (!is_intact) ++changed_;
  }

  std::int64_t in_flight() const { return pool_.in_flight(); }
  void state(zc_phase phase) { zc_state(page_, phase); }

 private:
  void produce() {
    const auto start = Clock::now();
    for (std::int64_t sequence = 0; !is_stopped_; ++sequence) {
      std::this_thread::sleep_until(start + std::chrono::nanoseconds(static_cast<std::int64_t>(
                                                static_cast<double>(sequence) * 1e9 / options_.rate)));
      ++captured_;
      auto lease = pool_.acquire(sequence, now_ns());
      std::memset(lease->memory, static_cast<int>(sequence & 0xff), kBlockBytes);
      const auto number = static_cast<std::uint32_t>(sequence);
      std::memcpy(lease->memory, &number, sizeof number);
      ++queued_;
      napi_call_threadsafe_function(deliver_, lease.release(), napi_tsfn_blocking);
    }
    zc_state(page_, ZC_DRAINING);
    napi_call_threadsafe_function(deliver_, nullptr, napi_tsfn_blocking);  // the end of the stream
    napi_release_threadsafe_function(deliver_, napi_tsfn_release);
  }

  // A packet on the event loop's thread: wrap it and call the application.
  static void deliver(napi_env env, napi_value on_packet, void* context, void* data) {
    auto* self = static_cast<Capture*>(context);
    auto* lease = static_cast<Lease*>(data);
    if (!env) {  // the environment is being torn down
      delete lease;
      return;
    }
    napi_value receiver, packet;
    napi_get_undefined(env, &receiver);
    if (lease) {
      zc_record(self->delivery_, now_ns() - lease->acquired_ns);
      --self->queued_;
      ++self->delivered_;
      packet = self->wrap(env, lease);
    } else {
      napi_get_null(env, &packet);
    }
    if (!packet) return;
    napi_call_function(env, receiver, on_packet, 1, &packet, nullptr);
    bool is_pending = false;
    napi_value exception;
    if (napi_is_exception_pending(env, &is_pending) == napi_ok && is_pending &&
        napi_get_and_clear_last_exception(env, &exception) == napi_ok) {
      napi_fatal_exception(env, exception);
    }
  }

  // The lease's memory as a Buffer: over the slot itself where that is wanted and allowed, else a copy of it.
  napi_value wrap(napi_env env, Lease* lease) {
    napi_value buffer = nullptr;
    if (options_.state == State::kCopy) return copy(env, lease);
    const napi_status status = external(env, lease, &buffer);
    if (status == napi_no_external_buffers_allowed) {
      ++refusals_;
      return copy(env, lease);
    }
    if (!good(env, status, "no external buffer")) return nullptr;
    out_.emplace(lease->memory, lease);
    tell(env, told_bytes_);
    return buffer;
  }

  // As Electron and every Node built with V8's sandbox answer, when the state asks for it.
  napi_status external(napi_env env, Lease* lease, napi_value* buffer) {
    if (options_.state == State::kRefused) return napi_no_external_buffers_allowed;
    return napi_create_external_buffer(env, kBlockBytes, lease->memory, finalize, lease, buffer);
  }

  napi_value copy(napi_env env, Lease* lease) {
    napi_value buffer = nullptr;
    ++copies_;
    const napi_status status = napi_create_buffer_copy(env, kBlockBytes, lease->memory, nullptr, &buffer);
    pool_.release(*lease, now_ns());
    delete lease;
    return good(env, status, "no copy") ? buffer : nullptr;
  }

  // V8 has collected the buffer, or it was detached.
  static void finalize(napi_env env, void*, void* hint) {
    std::unique_ptr<Lease> lease(static_cast<Lease*>(hint));
    Capture* self = nullptr;
    if (lease->is_returned || napi_get_instance_data(env, reinterpret_cast<void**>(&self)) != napi_ok ||
        !self) {
      return;
    }
    self->out_.erase(lease->memory);
    self->give_back(env, *lease);
  }

  void give_back(napi_env env, Lease& lease) {
    pool_.release(lease, now_ns());
    tell(env, -told_bytes_);
  }

  void tell(napi_env env, std::int64_t bytes) {
    std::int64_t all = 0;
    if (options_.state == State::kTold) napi_adjust_external_memory(env, bytes, &all);
  }

  // V8 begins to collect when what it was told of has grown by so much since its last full collection
  // (kExternalAllocationSoftLimit). So told, half of the slots make it do so.
  static constexpr std::int64_t kCollectAtBytes = 64 << 20;

  const Options options_;
  const std::int64_t told_bytes_;
  zc_page* page_ = zc_open();
  Pool pool_{page_, options_.state, options_.slots, kBlockBytes};
  std::unordered_map<const void*, Lease*> out_;  // what JavaScript has, by address
  std::atomic<bool> is_stopped_{false};
  std::thread producer_;
  napi_threadsafe_function deliver_ = nullptr;
  std::int64_t next_ = 0;
  zcpage::Counter captured_{page_, "engine.captured", "packets", ZC_TOTAL, "producer"};
  zcpage::Counter drops_{page_, "engine.drops", "packets", ZC_TOTAL, "producer"};
  zcpage::SharedCounter queued_{page_, "engine.queued", "packets", ZC_GAUGE};
  zcpage::Counter delivered_{page_, "engine.delivered", "packets", ZC_TOTAL, "main"};
  zcpage::Counter copies_{page_, "pool.copies", "copies", ZC_TOTAL, "main"};
  zcpage::Counter refusals_{page_, "pool.external_refused", "refusals", ZC_TOTAL, "main"};
  zcpage::Counter received_{page_, "consumer.received", "packets", ZC_TOTAL, "main"};
  zcpage::Counter last_{page_, "consumer.last_sequence", "sequence", ZC_GAUGE, "main"};
  zcpage::Counter gaps_{page_, "consumer.gaps", "gaps", ZC_TOTAL, "main"};
  zcpage::Counter missing_{page_, "consumer.missing", "packets", ZC_TOTAL, "main"};
  zcpage::Counter duplicates_{page_, "consumer.duplicates", "packets", ZC_TOTAL, "main"};
  zcpage::Counter reordered_{page_, "consumer.reordered", "packets", ZC_TOTAL, "main"};
  zcpage::Counter checked_{page_, "consumer.checked", "packets", ZC_TOTAL, "main"};
  zcpage::Counter rechecked_{page_, "consumer.rechecked", "packets", ZC_TOTAL, "main"};
  zcpage::Counter corrupt_{page_, "consumer.corrupt_on_delivery", "packets", ZC_TOTAL, "main"};
  zcpage::Counter changed_{page_, "consumer.corrupt_before_return", "packets", ZC_TOTAL, "main"};
  zc_histogram delivery_ = zc_declare_histogram(page_, "delivery_ns", "ns", "main");
};

// ---- The functions that JavaScript calls -----------------------------------------------------------------

Capture* running(napi_env env) {
  Capture* capture = nullptr;
  napi_get_instance_data(env, reinterpret_cast<void**>(&capture));
  if (!capture) napi_throw_error(env, nullptr, "not started");
  return capture;
}

// start(state, slots, rate, toldBytes, onPacket)
napi_value start(napi_env env, napi_callback_info info) {
  napi_value given[5];
  std::size_t count = 5, length = 0;
  char name[32] = "";
  double slots = 0, rate = 0, told_bytes = 0;
  Capture* running_already = nullptr;
  napi_get_cb_info(env, info, &count, given, nullptr, nullptr);
  napi_get_instance_data(env, reinterpret_cast<void**>(&running_already));
  if (running_already) return napi_throw_error(env, nullptr, "started already"), nullptr;
  if (count != 5 || napi_get_value_string_utf8(env, given[0], name, sizeof name, &length) != napi_ok ||
      napi_get_value_double(env, given[1], &slots) != napi_ok || !(slots >= 1 && slots <= 1e6) ||
      napi_get_value_double(env, given[2], &rate) != napi_ok || !(rate > 0 && rate <= 1e6) ||
      napi_get_value_double(env, given[3], &told_bytes) != napi_ok ||
      !(told_bytes >= 0 && told_bytes <= 1e12)) {
    napi_throw_type_error(
        env, nullptr, "start(state, slots 1..1,000,000, rate 0..1,000,000 a second, toldBytes, onPacket)");
    return nullptr;
  }
  const auto* found = std::find_if(std::begin(kStates), std::end(kStates),
                                   [&](const Named& one) { return std::strcmp(one.name, name) == 0; });
  if (found == std::end(kStates)) {
    std::string all;
    for (const Named& one : kStates) all += (all.empty() ? "" : ", ") + std::string(one.name);
    napi_throw_type_error(env, nullptr, ("no state " + std::string(name) + ": one of " + all).c_str());
    return nullptr;
  }
  auto capture = std::make_unique<Capture>(
      Options{found->state, static_cast<std::size_t>(slots), rate, static_cast<std::int64_t>(told_bytes)});
  if (!capture->start(env, given[4])) return nullptr;
  const auto drop = [](napi_env, void* data, void*) { delete static_cast<Capture*>(data); };
  napi_set_instance_data(env, capture.release(), drop, nullptr);
  return nullptr;
}

napi_value stop(napi_env env, napi_callback_info) {
  if (Capture* capture = running(env)) capture->stop();
  return nullptr;
}

// taken(sequence, isIntact)
napi_value taken(napi_env env, napi_callback_info info) {
  napi_value given[2];
  std::size_t count = 2;
  std::int64_t sequence = 0;
  bool is_intact = false;
  Capture* capture = running(env);
  if (capture && good(env, napi_get_cb_info(env, info, &count, given, nullptr, nullptr), "taken") &&
      good(env, napi_get_value_int64(env, given[0], &sequence), "taken(sequence, isIntact)") &&
      good(env, napi_get_value_bool(env, given[1], &is_intact), "taken(sequence, isIntact)")) {
    capture->taken(sequence, is_intact);
  }
  return nullptr;
}

// doneWith(isIntact)
napi_value done_with(napi_env env, napi_callback_info info) {
  napi_value given[1];
  std::size_t count = 1;
  bool is_intact = false;
  Capture* capture = running(env);
  if (capture && good(env, napi_get_cb_info(env, info, &count, given, nullptr, nullptr), "doneWith") &&
      good(env, napi_get_value_bool(env, given[0], &is_intact), "doneWith(isIntact)")) {
    capture->done_with(is_intact);
  }
  return nullptr;
}

// release(buffer): its slot returns at once. The buffer is detached first, so that no read of it, nor of a
// view of it, reaches the slot again.
napi_value release(napi_env env, napi_callback_info info) {
  napi_value given[1], array_buffer;
  std::size_t count = 1, length = 0, offset = 0;
  void* memory = nullptr;
  napi_typedarray_type type;
  Capture* capture = running(env);
  if (!capture || !good(env, napi_get_cb_info(env, info, &count, given, nullptr, nullptr), "release") ||
      !good(env, napi_get_typedarray_info(env, given[0], &type, &length, &memory, &array_buffer, &offset),
            "release(buffer): not a buffer") ||
      !good(env, napi_detach_arraybuffer(env, array_buffer), "release(buffer): cannot be detached")) {
    return nullptr;
  }
  if (!capture->release(env, memory))
    napi_throw_error(env, nullptr, "release(buffer): not a packet, or released");
  return nullptr;
}

napi_value in_flight(napi_env env, napi_callback_info) {
  napi_value number = nullptr;
  if (Capture* capture = running(env)) napi_create_int64(env, capture->in_flight(), &number);
  return number;
}

napi_value done(napi_env env, napi_callback_info) {
  if (Capture* capture = running(env)) capture->state(ZC_DONE);
  return nullptr;
}

}  // namespace
}  // namespace capture

NAPI_MODULE_INIT() {
  const struct {
    const char* name;
    napi_callback function;
  } all[] = {{"start", capture::start},     {"stop", capture::stop},
             {"taken", capture::taken},     {"doneWith", capture::done_with},
             {"release", capture::release}, {"inFlight", capture::in_flight},
             {"done", capture::done}};
  for (const auto& [name, function] : all) {
    napi_value value;
    if (!capture::good(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value),
                       name) ||
        !capture::good(env, napi_set_named_property(env, exports, name, value), name)) {
      return nullptr;
    }
  }
  return exports;
}
