// Memory for what is allocated while the meter looks up the allocator's own functions (dlsym allocates in
// some C libraries). A few hundred bytes in a program's life: never given back, known by its address.
#ifndef ZCBENCH_PROBES_MALLOC_ARENA_H
#define ZCBENCH_PROBES_MALLOC_ARENA_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { kArenaBytes = 64 * 1024 };

static char arena[kArenaBytes] __attribute__((aligned(64)));
static _Atomic size_t arena_used;

static inline int arena_has(const void* block) { return (uintptr_t)block - (uintptr_t)arena < sizeof arena; }

// The size stands before the block, in a word that glibc would give a mapped block: what reads sizes there
// passes such a block on to what asks whether it is the arena's.
enum { kArenaShift = 3, kArenaMark = 2 };

static inline size_t arena_size(const void* block) { return ((const size_t*)block)[-1] >> kArenaShift; }

// A zeroed block of `size` bytes, or NULL.
static inline void* arena_take(size_t size, size_t alignment) {
  if (alignment < 16) alignment = 16;
  if (size > kArenaBytes || alignment > kArenaBytes) return NULL;
  size_t need = size + alignment + sizeof(size_t);
  size_t at = atomic_fetch_add(&arena_used, need);
  if (at + need > kArenaBytes) return NULL;
  uintptr_t block = ((uintptr_t)arena + at + sizeof(size_t) + alignment - 1) / alignment * alignment;
  ((size_t*)block)[-1] = size << kArenaShift | kArenaMark;
  return (void*)block;
}

#endif  // ZCBENCH_PROBES_MALLOC_ARENA_H
