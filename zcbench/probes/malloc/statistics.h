// What an allocator of the program's own says of itself: jemalloc and tcmalloc know how many bytes they have
// given out and not got back.
//
// The meter sees no call of an allocator that is linked into the program, none of one beside malloc (Rust's
// jemalloc), and not what such a library's own new and delete of C++ are asked for. Its statistics have all
// that. A thread of the meter's own asks for them, a few times a second: never malloc, which would ask the
// allocator while that holds its locks. Programs without such an allocator have no such thread.
#ifndef ZCBENCH_PROBES_MALLOC_STATISTICS_H
#define ZCBENCH_PROBES_MALLOC_STATISTICS_H

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>

#include "symbols.h"
#include "threads.h"

enum {
  kEveryNs = 200 * 1000 * 1000,
  kTrials = 15,           // 3 s: the program's start-up may not be done, its other threads allocate
  kTrialBytes = 4 << 20,  // more than any cache keeps back; nobody writes to it, so that it takes no memory
  kTrialTold = 2 << 20,   // the rest is left to the program's other threads
  kWatcherStack = 1 << 18,
};

static struct {
  int (*jemalloc)(const char*, void*, size_t*, void*, size_t);  // mallctl
  int (*tcmalloc)(const char*, size_t*);                        // MallocExtension_GetNumericProperty
  void* (*allocate)(size_t);
  void (*give_back)(void*);
  uint64_t kind, place;
} own;
static int (*create_thread)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
static int watches_forks;
static int has_watcher;
static int was_alone;  // at the fork that goes on: the program had one thread beside the watcher

static int own_bytes(uint64_t* bytes) {
  size_t value = 0, size = sizeof value;
  if (own.jemalloc) {
    uint64_t epoch = 1;
    if (own.jemalloc("epoch", NULL, NULL, &epoch, sizeof epoch) != 0 ||
        own.jemalloc("stats.allocated", &value, &size, NULL, 0) != 0)
      return 0;
  } else if (!own.tcmalloc || !own.tcmalloc("generic.current_allocated_bytes", &value)) {
    return 0;
  }
  *bytes = value;
  return 1;
}

// Whether the statistics tell of a block that is taken, and of its return: what stands still counts nothing.
static int follows(void) {
  uint64_t before, with, after;
  if (!own.allocate || !own.give_back || !own_bytes(&before)) return 0;
  void* block = own.allocate(kTrialBytes);
  int told = block && own_bytes(&with);
  own.give_back(block);
  return told && own_bytes(&after) && with >= before + kTrialTold && with >= after + kTrialTold;
}

static void rest(void) {
  struct timespec left = {0, kEveryNs};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

static void restart(void);

static void* watch(void* is_child) {
  prctl(PR_SET_NAME, "zcbench");
  if (is_child) rest();
  for (int trials = 0; !follows(); rest())
    if (++trials == kTrials) {
      __atomic_store_n(&page->own_state, kOwnSilent, __ATOMIC_RELEASE);
      has_watcher = 0;
      return NULL;
    }
  // After the trial: by now the allocator has said what is to be done in a forked child, and that comes
  // first.
  if (!watches_forks) tell_of_forks(NULL, NULL, restart);
  watches_forks = 1;
  for (uint64_t bytes; own_bytes(&bytes); rest()) {
    __atomic_store_n(&page->own_bytes, bytes, __ATOMIC_RELAXED);
    __atomic_store_n(&page->own_read_ns, page_clock_ns(), __ATOMIC_RELAXED);
    __atomic_store_n(&page->own_state, kOwnRead, __ATOMIC_RELEASE);
  }
  return NULL;
}

// No signal of the program's may come to this thread.
static void begin_watching(void* is_child) {
  pthread_t thread;
  pthread_attr_t attributes;
  sigset_t all, before;
  page->own_kind = own.kind;
  page->own_place = own.place;
  page->own_state = kOwnBegins;
  if (!create_thread || !own.kind || (!own.jemalloc && !own.tcmalloc)) {
    page->own_state = kOwnSilent;
    return;
  }
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, kWatcherStack);
  int error = create_thread(&thread, &attributes, watch, is_child);
  if (error) {  // thread-local memory of the program's may not go into a small stack
    pthread_attr_destroy(&attributes);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    error = create_thread(&thread, &attributes, watch, is_child);
  }
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (error) page->own_state = kOwnSilent;
  has_watcher = !error;
}

// In a forked child, where the thread is gone. A program that had several threads may have forked while one
// of them made a thread: there nobody may make one before exec.
static void restart(void) {
  page->own_kind = own.kind;
  page->own_place = own.place;
  page->own_state = kOwnForked;
  has_watcher = 0;
  if (was_alone) begin_watching(&was_alone);
}

static void count_threads(void) {
  was_alone = watches_forks && kernel_threads() == 1 + (uint64_t)has_watcher;
}

// The allocator behind malloc is at `allocate`, in the program itself if `is_bypassed`; else the meter counts
// what goes through it.
static void find_statistics(void* (*allocate)(size_t), void (*give_back)(void*), int is_bypassed) {
  enum { kMallctl, kJeMallctl, kRustMallctl, kProperty, kMiMalloc, kJe, kJeFree, kRust, kRustFree, kSymbols };
  static Symbol symbols[] = {
      {"mallctl", NULL},       {"je_mallctl", NULL},
      {"_rjem_mallctl", NULL}, {"MallocExtension_GetNumericProperty", NULL},
      {"mi_malloc", NULL},     {"je_malloc", NULL},
      {"je_free", NULL},       {"_rjem_malloc", NULL},
      {"_rjem_free", NULL},
  };
  // What a library of an allocator has beside malloc.
  static const char* const beside_malloc[] = {"_Znwm",   "_Znam",     "_Znwj", "_Znaj",
                                              "mallocx", "mi_malloc", NULL};
  find_symbols(symbols, kSymbols);
  uintptr_t behind = object_of((const void*)(uintptr_t)allocate);
  void* mallctl = NULL;
  if (behind && object_of(symbols[kMallctl].found) == behind) mallctl = symbols[kMallctl].found;
  own.allocate = allocate;
  own.give_back = give_back;
  own.place = kOwnInstead;
  for (int i = kJeMallctl; !mallctl && i <= kRustMallctl; ++i) {
    if (!(mallctl = symbols[i].found)) continue;
    if (is_bypassed && object_of(mallctl) == behind) break;
    own.place = kOwnBeside;
    *(void**)&own.allocate = symbols[i == kJeMallctl ? kJe : kRust].found;
    *(void**)&own.give_back = symbols[i == kJeMallctl ? kJeFree : kRustFree].found;
  }
  if (mallctl) {
    own.kind = kJemalloc;
    *(void**)&own.jemalloc = mallctl;
  } else if (behind && object_of(symbols[kProperty].found) == behind) {
    own.kind = kTcmalloc;
    *(void**)&own.tcmalloc = symbols[kProperty].found;
  } else if (symbols[kMiMalloc].found) {
    own.kind = kMimalloc;
    own.place = object_of(symbols[kMiMalloc].found) == behind ? kOwnInstead : kOwnBeside;
  }
  // A C program that has nothing else of its allocator's than malloc: the meter knows better.
  if (own.place == kOwnInstead && !is_bypassed && !is_asked_for(beside_malloc, behind)) own.kind = 0;
  *(void**)&create_thread = dlsym(RTLD_DEFAULT, "pthread_create");
  if (own.kind) begin_watching(NULL);
}

#endif  // ZCBENCH_PROBES_MALLOC_STATISTICS_H
