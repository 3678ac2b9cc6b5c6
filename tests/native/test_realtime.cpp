// The producer's thread neither allocates nor locks: a program of its own, in which either aborts.
//
// operator new and delete are replaced; malloc and the mutexes of glibc are put before the library's, or, in
// a build with sanitizers, malloc is watched through their hooks (and mutexes are not).
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <new>
#include <thread>
#include <vector>

#include <dlfcn.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "page.hpp"
#include "portaudio.hpp"
#include "replay.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

namespace {

std::atomic<bool> g_forbidden{false};  // to threads that are not allowed
std::atomic<bool> g_exhausted{false};  // operator new has nothing left
thread_local bool t_allowed = false;

void forbidden(const char* what) {
  if (t_allowed || !g_forbidden.load(std::memory_order_relaxed)) return;
  g_forbidden = false;
  const ssize_t ignored = write(2, what, std::strlen(what));
  static_cast<void>(ignored);
  std::abort();
}

class Forbidden {
 public:
  Forbidden() { g_forbidden = true; }
  ~Forbidden() { g_forbidden = false; }
};

void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
  forbidden("operator new on the producer's thread\n");
  if (g_exhausted) return nullptr;
  return std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

void* allocate_or_throw(std::size_t bytes, std::size_t alignment) {
  void* memory = allocate(bytes == 0 ? 1 : bytes, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void give_up(void* memory) noexcept {
  if (memory == nullptr) return;
  forbidden("operator delete on the producer's thread\n");
  std::free(memory);
}

constexpr std::size_t kDefault = __STDCPP_DEFAULT_NEW_ALIGNMENT__;

}  // namespace

void* operator new(std::size_t n) { return allocate_or_throw(n, kDefault); }
void* operator new[](std::size_t n) { return allocate_or_throw(n, kDefault); }
void* operator new(std::size_t n, std::align_val_t a) { return allocate_or_throw(n, std::size_t(a)); }
void* operator new[](std::size_t n, std::align_val_t a) { return allocate_or_throw(n, std::size_t(a)); }
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return allocate(n, kDefault); }
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept { return allocate(n, kDefault); }
void* operator new(std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept {
  return allocate(n, std::size_t(a));
}
void operator delete(void* p) noexcept { give_up(p); }
void operator delete[](void* p) noexcept { give_up(p); }
void operator delete(void* p, std::size_t) noexcept { give_up(p); }
void operator delete[](void* p, std::size_t) noexcept { give_up(p); }
void operator delete(void* p, std::align_val_t) noexcept { give_up(p); }
void operator delete[](void* p, std::align_val_t) noexcept { give_up(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { give_up(p); }

#if defined(SANITIZED)
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*, std::size_t),
                                                         void (*)(const volatile void*));
namespace {
const int g_hooked = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t) { forbidden("malloc on the producer's thread\n"); },
    [](const volatile void*) { forbidden("free on the producer's thread\n"); });
}  // namespace
#elif defined(__GLIBC__)
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t n) {
  forbidden("malloc on the producer's thread\n");
  return __libc_malloc(n);
}
void* calloc(std::size_t n, std::size_t size) {
  forbidden("calloc on the producer's thread\n");
  return __libc_calloc(n, size);
}
void* realloc(void* p, std::size_t n) {
  forbidden("realloc on the producer's thread\n");
  return __libc_realloc(p, n);
}
void free(void* p) {
  if (p != nullptr) forbidden("free on the producer's thread\n");
  __libc_free(p);
}
int pthread_mutex_lock(pthread_mutex_t* mutex) {
  using Lock = int (*)(pthread_mutex_t*);
  static const Lock real = reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  forbidden("a mutex on the producer's thread\n");
  return real(mutex);
}
}
#endif

namespace {

zc::StreamConfig config_of(zc::Policy policy) {
  zc::StreamConfig config;
  config.frames = 64;
  config.frame_bytes = 8;
  config.queue = 64;
  config.checksum = true;
  config.pool = {8, 512, policy, false, false, {4, 512, 1'000'000}};
  return config;
}

// What an application does, with allocations of its own: holds up to `keep` packets, in waves.
class Application {
 public:
  explicit Application(zc::Capture& capture) : thread_([this, &capture] { run(capture); }) {
    while (!running_) std::this_thread::yield();  // a sanitizer allocates while a thread begins
  }
  ~Application() {
    done_ = true;
    thread_.join();
  }

 private:
  void run(zc::Capture& capture) {
    t_allowed = true;
    running_ = true;
    std::deque<zc::Slot*> held;
    for (std::uint64_t taken = 0; !done_;) {
      capture.maintain();
      while (zc::Slot* slot = capture.try_read()) {
        held.push_back(slot);
        const std::size_t keep = ++taken / 300 % 2 == 0 ? 40 : 0;
        while (held.size() > keep) {
          capture.release(held.front());
          held.pop_front();
        }
      }
      capture.wait_for_packet(1'000'000);
    }
    for (zc::Slot* slot : held) capture.release(slot);
  }

  std::atomic<bool> running_{false};
  std::atomic<bool> done_{false};
  std::thread thread_;
};

// A child's end, so that an abort can be looked at.
template <class Body>
int signal_of(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    close(2);  // what it says is expected
    std::signal(SIGABRT, SIG_DFL);
    body();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

}  // namespace

TEST_CASE("the watch sees a producer that allocates") {
  // Policy grow does, by design: the pool's second packet lies outside the slab.
  CHECK(signal_of([] {
          Page page;
          zc::StreamConfig config = config_of(zc::Policy::grow);
          config.pool.slots = 1;
          zc::Capture capture(config, page.board());
          const Forbidden watch;
          capture.open_packet(zc::now_ns(), false);
          capture.open_packet(zc::now_ns(), false);
        }) == SIGABRT);
}

#if !defined(SANITIZED) && defined(__GLIBC__)
TEST_CASE("the watch sees a producer that locks") {
  CHECK(signal_of([] {
          Page page;
          zc::Capture capture(config_of(zc::Policy::drop), page.board());
          const Forbidden watch;
          capture.pool().oldest_lease_ns(1);
        }) == SIGABRT);
}
#endif

TEST_CASE("PortAudio's callback neither allocates nor locks, with slots and without, whatever blocks come") {
  for (const zc::Policy policy : {zc::Policy::drop, zc::Policy::adaptive}) {
    Page page;
    zc::Capture capture(config_of(policy), page.board());
    zc::DeviceInput device(capture);
    const std::vector<std::byte> input(4096 * 8);
    t_allowed = true;
    {
      const Application application(capture);
      std::thread callback([&] {
        const Forbidden watch;
        for (unsigned i = 0; i < 20'000; ++i) {
          const unsigned long frames = i % 7 == 0 ? 100 : i % 11 == 0 ? 17 : 64;
          zc_portaudio_callback(i % 13 == 0 ? nullptr : input.data(), nullptr, frames, nullptr,
                                i % 17 == 0 ? 2 : 0, &device);
          if (i % 64 == 0) std::this_thread::yield();
        }
      });
      callback.join();
    }
    device.stop();
    capture.discard_queue();
    CHECK(page["engine.captured"] > 15'000);
    CHECK(page["engine.xruns"] > 0);
    CHECK(page["pool.overflow_allocations"] == 0);
    CHECK(page["pool.in_flight"] == 0);
    CHECK(page["engine.captured"] == page["engine.delivered"] + page["engine.drops"]);
    if (policy == zc::Policy::adaptive) CHECK(page["pool.grown"] > 0);
  }
}

TEST_CASE("the replay driver's thread neither allocates nor locks once it runs") {
  for (const zc::Pace pace : {zc::Pace::real, zc::Pace::unpaced}) {
    Page page;
    zc::Capture capture(config_of(zc::Policy::adaptive), page.board());
    const std::vector<std::byte> pcm(1000 * 8);
    zc::Replay replay(capture, {pcm, pace, 20.0});
    t_allowed = true;
    const Application application(capture);
    replay.start();
    while (capture.captured() == 0) std::this_thread::yield();
    {
      const Forbidden watch;
      while (capture.captured() < 3'000) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    replay.stop();
  }
}

TEST_CASE("memory that is not to be had is counted, and the pool goes on and asks again") {
  Page page;
  zc::SlotPool pool(config_of(zc::Policy::adaptive).pool, page.board());
  std::vector<zc::Slot*> held;
  for (int i = 0; i < 6; ++i) held.push_back(pool.acquire(1));
  g_exhausted = true;
  CHECK_FALSE(pool.maintain(1));
  g_exhausted = false;
  CHECK(page["pool.growth_failures"] == 1);
  CHECK(page["pool.slots"] == 8);
  CHECK_FALSE(pool.wants_more());
  CHECK(pool.maintain(2));
  CHECK(page["pool.slots"] == 12);
  for (zc::Slot* slot : held) pool.release(slot, 3);
}
