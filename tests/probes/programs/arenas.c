// Memory that malloc keeps free, then memory that it does not have: an own allocator's, where a heap of
// malloc's could begin, and in the break.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "scenes.h"

enum { kHeap = 64 << 20, kOwn = 8 << 20 };

static pthread_barrier_t reached, gone_on;

// In an arena of the thread's own: `count` blocks, of which only the last, at the end of the arena, stays.
static void* keep_the_last(void* count) {
  size_t blocks = (size_t)count;
  void** block = malloc(blocks * sizeof *block);
  for (size_t i = 0; i < blocks; ++i) block[i] = memset(malloc(1000), 1, 1000);
  for (size_t i = 0; i + 1 < blocks; ++i) free(block[i]);
  pthread_barrier_wait(&reached);
  pthread_barrier_wait(&gone_on);
  return NULL;
}

// As arenas and other allocators do: at a multiple of 64 MiB, of which the first part can be written.
static void map_like_a_heap(uint64_t first, uint64_t third) {
  char* memory = mmap(NULL, 2 * kHeap, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  char* heap = (char*)(((uintptr_t)memory + kHeap - 1) / kHeap * kHeap);
  mprotect(heap, kOwn, PROT_READ | PROT_WRITE);
  memset(heap, 1, kOwn);
  uint64_t head[4] = {first ? (uint64_t)heap + first : 0, 0, third, third};
  memcpy(heap, head, sizeof head);
}

int main() {
  pthread_t small, large;
  pthread_barrier_init(&reached, NULL, 2);
  pthread_barrier_init(&gone_on, NULL, 3);
  stop();
  pthread_create(&small, NULL, keep_the_last, (void*)8000);
  pthread_barrier_wait(&reached);
  stop();
  pthread_create(&large, NULL, keep_the_last, (void*)80000);  // more than one heap takes
  pthread_barrier_wait(&reached);
  stop();
  map_like_a_heap(0, 0);
  map_like_a_heap(0, kOwn);
  map_like_a_heap(4096, kOwn);
  map_like_a_heap(48, 2 * (uint64_t)kHeap);
  memset(mmap(NULL, kOwn, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1, kOwn);
  stop();
  memset(sbrk(kOwn), 1, kOwn);
  stop();
  pthread_barrier_wait(&gone_on);
  pthread_join(small, NULL);
  pthread_join(large, NULL);
}
