// The malloc meter for macOS (DYLD_INSERT_LIBRARIES). Never run: nobody had the machine. It is the plain
// form: one shard, atomic adds, sizes by malloc_size. Thread-local storage is not used, since dyld allocates
// to set it up.
#include <errno.h>
#include <malloc/malloc.h>
#include <pthread.h>
#include <stdlib.h>

#include "page.h"

#define INTERPOSE(ours, theirs)                                        \
  __attribute__((used, section("__DATA,__interpose"))) static struct { \
    const void *replacement, *replaced;                                \
  } interpose_##theirs = {(const void*)(uintptr_t)&ours, (const void*)(uintptr_t)&theirs}

static Page unread;
static Page* _Atomic page = &unread;
static const char* folder;
static char folder_bytes[kPathBytes];

static void count(uint64_t* blocks, uint64_t* bytes, void* block) {
  if (!block) return;
  __atomic_fetch_add(blocks, 1, __ATOMIC_RELAXED);
  __atomic_fetch_add(bytes, malloc_size(block), __ATOMIC_RELAXED);
}

static void* allocated(void* block) {
  Shard* shard = &atomic_load_explicit(&page, memory_order_relaxed)->shared;
  count(&shard->allocations, &shard->allocated_bytes, block);
  return block;
}

static void freed(void* block) {
  Shard* shard = &atomic_load_explicit(&page, memory_order_relaxed)->shared;
  count(&shard->frees, &shard->freed_bytes, block);
}

static void* meter_malloc(size_t size) { return allocated(malloc(size)); }
static void* meter_calloc(size_t count_, size_t size) { return allocated(calloc(count_, size)); }
static void* meter_valloc(size_t size) { return allocated(valloc(size)); }
static void* meter_aligned_alloc(size_t alignment, size_t size) {
  return allocated(aligned_alloc(alignment, size));
}
static void meter_free(void* block) {
  freed(block);
  free(block);
}
static void* meter_realloc(void* block, size_t size) {
  size_t old = block ? malloc_size(block) : 0;
  void* result = realloc(block, size);
  if (result && block) {
    Shard* shard = &atomic_load_explicit(&page, memory_order_relaxed)->shared;
    __atomic_fetch_add(&shard->frees, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&shard->freed_bytes, old, __ATOMIC_RELAXED);
  }
  return allocated(result);
}
static int meter_posix_memalign(void** result, size_t alignment, size_t size) {
  int error = posix_memalign(result, alignment, size);
  if (!error) allocated(*result);
  return error;
}

INTERPOSE(meter_malloc, malloc);
INTERPOSE(meter_calloc, calloc);
INTERPOSE(meter_valloc, valloc);
INTERPOSE(meter_aligned_alloc, aligned_alloc);
INTERPOSE(meter_free, free);
INTERPOSE(meter_realloc, realloc);
INTERPOSE(meter_posix_memalign, posix_memalign);

static void new_page(Live live) {
  static Page content;
  memset(&content, 0, sizeof content);
  memcpy(content.magic, "ZCMALLOC", 8);
  content.version = kVersion;
  content.pid = kernel_pid();
  content.made_ns = page_clock_ns();
  content.inherited_blocks = live.blocks;
  content.inherited_bytes = live.bytes;
  content.shared.is_shared = 1;
  strcpy(content.allocator, "libsystem_malloc.dylib");
  Page* mapped = page_map(folder, &content, NULL);
  if (mapped) atomic_store(&page, mapped);
}

static void after_fork_in_child(void) { new_page(page_live(atomic_load(&page))); }

__attribute__((constructor)) static void loaded(void) {
  const char* named = getenv("ZCBENCH_MALLOC_DIR");
  if (named && *named && strlen(named) < sizeof folder_bytes) folder = strcpy(folder_bytes, named);
  new_page(page_live(&unread));  // what was counted before this constructor is carried over
  pthread_atfork(NULL, NULL, after_fork_in_child);
}
