#define _GNU_SOURCE
#include "scenes.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>

void* reallocarray(void*, size_t, size_t);
#ifdef __GLIBC__
void* pvalloc(size_t);
#else
static void* pvalloc(size_t size) { return memalign(4096, size); }
#endif

static void* volatile before_main[3];

// Runs before every constructor, the meter's too; musl has no such thing.
static void early(void) {
  for (int i = 0; i < 3; ++i) before_main[i] = calloc(1, 1000);
}
#ifdef __GLIBC__
__attribute__((section(".preinit_array"), used)) static void (*run_early)(void) = early;
#endif

static void entry_points(void) {
  stop();
  void *all[12], *aligned;
  int n = 0;
  all[n++] = took(malloc(0));
  all[n++] = took(malloc(100));
  all[n++] = took(calloc(7, 13));
  all[n++] = took(realloc(NULL, 500));
  all[n++] = took(reallocarray(NULL, 10, 30));
  all[n++] = took(aligned_alloc(64, 640));
  if (posix_memalign(&aligned, 4096, 100)) _exit(6);
  all[n++] = took(aligned);
  all[n++] = took(memalign(256, 1000));
  all[n++] = took(valloc(10));
  all[n++] = took(pvalloc(5000));
  all[n++] = took(malloc(3000000));  // mapped by itself
  all[n++] = took(strdup("a string of the C library's own"));
  if ((uintptr_t)all[7] % 256 || (uintptr_t)all[8] % 4096) _exit(7);
  stop();
  while (n) gave(all[--n]);
  free(NULL);
  stop();
}

static void reallocs(void) {
  stop();
  char* block = took(malloc(10));
  strcpy(block, "contents");
  for (size_t size = 20; size < 4000000; size *= 3) {  // moves, and grows into a mapping of its own
    void* wall = took(malloc(10));
    bytes -= (long)malloc_usable_size(block);
    block = realloc(block, size);
    bytes += (long)malloc_usable_size(block);
    if (strcmp(block, "contents")) _exit(8);
    stop();
    gave(wall);
  }
  volatile size_t too_large = PTRDIFF_MAX;
  errno = 0;
  if (realloc(block, too_large) || errno != ENOMEM) _exit(9);  // it stays as it was
  if (reallocarray(block, too_large, 16)) _exit(9);
  if (malloc(too_large) || calloc(too_large, 16)) _exit(9);
  stop();
  bytes -= (long)malloc_usable_size(block);
  block = realloc(block, 30);
  bytes += (long)malloc_usable_size(block);
  stop();
  errno = 77;
  gave(block);
  if (errno != 77) _exit(10);
  stop();
}

static void* volatile handed;
static void* give_it_away(void* unused) {
  (void)unused;
  for (int i = 0; i < 1000; ++i) free(malloc((size_t)i));
  handed = malloc(12345);
  return NULL;
}

static void run(void* (*work)(void*), void* with) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, work, with) || pthread_join(thread, NULL)) _exit(11);
}

static void short_threads(void) {
  run(give_it_away, NULL);  // what the C library keeps of the first thread
  free(handed);
  stop();
  for (int i = 0; i < 10000; ++i) {
    run(give_it_away, NULL);
    gave(took(handed));  // its own thread is gone
    bytes += 0;
  }
  stop();
  run(give_it_away, NULL);
  took(handed);
  stop();
}

enum { kCrowd = 400 };  // more than a page has shards
static pthread_barrier_t all_here, all_done;
static void* kept[kCrowd];
static void* in_a_crowd(void* place) {
  pthread_barrier_wait(&all_here);
  for (int i = 0; i < 2000; ++i) free(malloc((size_t)(i % 700)));
  *(void**)place = malloc(1000);
  pthread_barrier_wait(&all_done);
  return NULL;
}

static void crowd(void) {
  pthread_t threads[kCrowd];
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 65536);
  for (int round = 0; round < 2; ++round) {
    pthread_barrier_init(&all_here, NULL, kCrowd);
    pthread_barrier_init(&all_done, NULL, kCrowd);
    for (int i = 0; i < kCrowd; ++i)
      if (pthread_create(&threads[i], &small, in_a_crowd, &kept[i])) _exit(12);
    for (int i = 0; i < kCrowd; ++i) pthread_join(threads[i], NULL);
    if (round == 0) {  // the C library keeps what the first threads needed
      for (int i = 0; i < kCrowd; ++i) free(kept[i]);
      stop();
    }
  }
  for (int i = 0; i < kCrowd; ++i) took(kept[i]);
  stop();
  for (int i = 0; i < kCrowd; ++i) gave(kept[i]);
  stop();
}

static pthread_key_t keys[40];  // more than a thread holds in place: the rest is allocated
static void at_end(void* value) {
  free(value);
  for (int i = 0; i < 10; ++i) free(malloc(100));
}
static void* with_keys(void* unused) {
  for (int i = 0; i < 40; ++i) pthread_setspecific(keys[i], malloc(50));
  return unused;
}

static void thread_ends(void) {
  for (int i = 0; i < 40; ++i)
    if (pthread_key_create(&keys[i], at_end)) _exit(13);
  run(with_keys, NULL);
  stop();
  for (int i = 0; i < 200; ++i) run(with_keys, NULL);
  stop();
}

static void forks(void) {
  void* mine = malloc(1000);
  stop();
  for (int way = 0; way < 2; ++way) {
    pid_t child = way ? (pid_t)syscall(SYS_fork) : fork();  // the second runs none of the handlers of fork
    if (child == 0) {
      free(malloc(1));
      stop();
      took(malloc(2000));
      blocks -= 1, bytes -= (long)malloc_usable_size(mine);
      free(mine);
      stop();
      _exit(0);
    }
    waitpid(child, NULL, 0);
    stop();
  }
  gave(took(malloc(10)));
  stop();
}

static void vforks(void) {
  stop();
  for (int i = 0; i < 20; ++i) {
    void* shared = took(malloc(100));
    pid_t child = vfork();
    if (child == 0) {
      execl("/bin/true", "true", (char*)NULL);
      _exit(14);
    }
    waitpid(child, NULL, 0);
    gave(shared);
  }
  stop();
}

static void killed(void) {
  stop();
  for (int i = 0; i < 1000; ++i) took(malloc(77));
  stop();
  raise(SIGKILL);
}

int main(int count, char** arguments) {
  static const struct {
    const char* name;
    void (*play)(void);
  } scenes[] = {{"entry_points", entry_points},
                {"reallocs", reallocs},
                {"short_threads", short_threads},
                {"crowd", crowd},
                {"thread_ends", thread_ends},
                {"forks", forks},
                {"vforks", vforks},
                {"killed", killed}};
#ifndef __GLIBC__
  early();
#endif
  for (int i = 0; i < 3; ++i)
    if (!before_main[i]) return 15;
  for (size_t i = 0; count > 1 && i < sizeof scenes / sizeof *scenes; ++i)
    if (!strcmp(scenes[i].name, arguments[1])) scenes[i].play();
  for (int i = 0; i < 3; ++i) free(before_main[i]);
  return 0;
}
