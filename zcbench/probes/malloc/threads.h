// Which shard a thread counts in, from its first call to its end, and in a forked child.
//
// Each thread finds its shard by two loads: `slot` (thread-local) points into a table, whose entry points to
// the shard. The table lies in memory that the kernel wipes in a forked child (MADV_WIPEONFORK): there every
// entry is NULL, so that a child never counts in its parent's page, however it was forked. A vfork'ed child
// shares its parent's memory, and counts in its page, rightly.
#ifndef ZCBENCH_PROBES_MALLOC_THREADS_H
#define ZCBENCH_PROBES_MALLOC_THREADS_H

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>

#include "page.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define THREAD_LOCAL static _Thread_local __attribute__((tls_model("initial-exec")))

typedef enum {
  kNew,
  kOwn,
  kShared
} ThreadState;  // no shard yet; one of its own; none to be had, or given back

// What the kernel wipes in a forked child. `made` is 0 there, and in a process whose page is not made yet.
typedef struct {
  _Atomic int made;
  Shard* of[kShards];
} Table;

static Shard* nobody;  // NULL for ever: what a thread's slot points to before it has one
static Shard ignored;  // takes the counts of calls that an allocator makes to itself
static Shard* ignoring = &ignored;
static Table first_table;  // until there is memory that can be wiped
static Table* table = &first_table;
static Page* page;
static Page unread;  // of a process that can map none
static const char* folder;
static char folder_bytes[kPathBytes];
static _Atomic int begun;       // 0 nobody, 1 somebody makes the page, 2 it is there
static _Atomic uint64_t spare;  // list of shards without a thread: a tag (against ABA) above an index + 1
static pthread_key_t thread_end;
static int has_thread_end;
static int has_glibc_chunks;  // a block's size can be read before it, see meter.c
static Live at_fork;          // what was live before the fork that goes on

THREAD_LOCAL Shard** slot = &nobody;
// The same where a thread has a shard of its own and sizes can be read before blocks; else it points to
// NULL. malloc and free ask for this one first, and for nothing else then.
THREAD_LOCAL Shard** quick = &nobody;
THREAD_LOCAL ThreadState state;

static Shard* take_shard(void) {
  uint64_t head = atomic_load_explicit(&spare, memory_order_acquire);
  while ((uint32_t)head) {
    Shard* shard = &page->shards[(uint32_t)head - 1];
    uint64_t next = ((head >> 32) + 1) << 32 | atomic_load_explicit(&shard->next, memory_order_relaxed);
    if (atomic_compare_exchange_weak_explicit(&spare, &head, next, memory_order_acq_rel,
                                              memory_order_acquire))
      return shard;
  }
  uint64_t used = __atomic_load_n(&page->used, __ATOMIC_RELAXED);
  while (used < kShards)
    if (__atomic_compare_exchange_n(&page->used, &used, used + 1, 1, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
      return &page->shards[used];
  return NULL;
}

static void give_shard_back(Shard* shard) {
  uint64_t head = atomic_load_explicit(&spare, memory_order_relaxed), mine;
  do {
    atomic_store_explicit(&shard->next, (uint32_t)head, memory_order_relaxed);
    mine = ((head >> 32) + 1) << 32 | (uint64_t)(shard - page->shards + 1);
  } while (!atomic_compare_exchange_weak_explicit(&spare, &head, mine, memory_order_acq_rel,
                                                  memory_order_relaxed));
}

// At a thread's end. What other destructors still allocate and free is counted in the shared shard.
static void leave(void* unused) {
  (void)unused;
  Shard* shard = *slot;
  slot = quick = &nobody;
  if (state == kOwn && shard) give_shard_back(shard);
  state = kShared;
}

static void enter(void) {
  Shard* shard = take_shard();
  state = shard ? kOwn : kShared;
  if (!shard) return;
  table->of[shard - page->shards] = shard;
  slot = &table->of[shard - page->shards];
  quick = has_glibc_chunks ? slot : &nobody;
  // After the slot is set: it may allocate, and that is freed at the thread's end.
  if (has_thread_end) pthread_setspecific(thread_end, page);
}

// A new page that begins with what was live already. One that is there is replaced at its place.
static void new_page(Live live, const char* allocator, uint64_t flags) {
  static Page content;
  memset(&content, 0, sizeof content);
  memcpy(content.magic, "ZCMALLOC", 8);
  content.version = kVersion;
  content.pid = kernel_pid();
  content.made_ns = page_clock_ns();
  content.inherited_blocks = live.blocks;
  content.inherited_bytes = live.bytes;
  content.flags = flags;
  content.shared.is_shared = 1;
  if (allocator) memcpy(content.allocator, allocator, kNameBytes);
  Page* mapped = page_map(folder, &content, page == &unread ? NULL : page);
  page = mapped ? mapped : memcpy(&unread, &content, sizeof unread);
}

// In a forked child: a page of its own where the parent's was mapped, so that no pointer moves.
static void forked(void) {
  if (LIKELY(atomic_load_explicit(&table->made, memory_order_acquire))) return;
  char allocator[kNameBytes];
  memcpy(allocator, page->allocator, kNameBytes);
  new_page(at_fork.blocks ? at_fork : page_live(page), allocator, page->flags);
  atomic_store(&spare, 0);
  atomic_store_explicit(&table->made, 1, memory_order_release);
  slot = quick = &nobody;
  if (state == kOwn) enter();
}

// Have these called around a fork. glibc has the function's public name in a static part only, and musl has
// no other.
static void tell_of_forks(void (*before)(void), void (*in_parent)(void), void (*in_child)(void)) {
  int (*at_fork_of)(void (*)(void), void (*)(void), void (*)(void), void*);
  int (*at_fork_here)(void (*)(void), void (*)(void), void (*)(void));
  *(void**)&at_fork_of = dlsym(RTLD_DEFAULT, "__register_atfork");
  *(void**)&at_fork_here = dlsym(RTLD_DEFAULT, "pthread_atfork");
  if (at_fork_of)
    at_fork_of(before, in_parent, in_child, NULL);
  else if (at_fork_here)
    at_fork_here(before, in_parent, in_child);
}

#endif  // ZCBENCH_PROBES_MALLOC_THREADS_H
