/* zcpage.h: counters, gauges and histograms that a program publishes to zcbench, on a shared memory-mapped
 * page.
 *
 * One header, C11 or C++17, no dependency. POSIX; on Windows everything is counted in private memory, for
 * now. The layout: docs/page.md.
 *
 *     #include "zcpage.h"
 *
 *     zc_page *page = zc_open();                // the page that ZCBENCH_PAGE names, or private memory
 *     zc_counter hits = zc_declare(page, "pool.hits", "acquires", ZC_TOTAL, "producer");
 *     zc_counter in_flight = zc_declare(page, "pool.in_flight", "leases", ZC_GAUGE, NULL);
 *     zc_histogram hold = zc_declare_histogram(page, "hold_ns", "ns", NULL);
 *     zc_law(page, "pool.captured == pool.returns + pool.in_flight");
 *     zc_state(page, ZC_READY);
 *
 *     zc_add(hits, 1);                          // one thread writes it: a load and a store
 *     zc_add_shared(in_flight, -1);             // any thread may: one atomic instruction
 *     zc_record_shared(hold, 1200);
 *
 * Which thread may call what:
 *   - zc_open, zc_declare, zc_declare_histogram, zc_law: any thread, not a signal handler: they take a lock.
 *   - everything else: any thread, a signal handler, an audio callback. No lock, no system call, no
 * allocation. zc_add, zc_set and zc_record are for values that one thread writes; the *_shared ones are for
 * any. No function fails: without ZCBENCH_PAGE, or where a page cannot be had, the same code counts in
 * private memory.
 *
 * After fork() the child's counters are its own, in private memory: parent and child never count on one page.
 * A child that calls zc_open() gets a page of its own beside the parent's, with all that was declared.
 */
#ifndef ZCPAGE_H
#define ZCPAGE_H

#ifdef __cplusplus
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#else
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#endif

#if defined(ZCPAGE_LAYOUT_ONLY) /* for who maps pages in a way of its own */
#elif !defined(_WIN32)
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#else
#include <intrin.h>
#include <process.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The layout ---------------------------------------------------------------------------------------- */

enum {
  ZC_VERSION = 2,
  ZC_BUCKETS = 976,   /* of a histogram: 16 steps an octave, exact below 16 */
  ZC_CAPACITY = 4096, /* entries of a page that this header makes */
  ZC_LAWS_BYTES = 16384,
  ZC_PAGE_BYTES = 1 << 20,
  ZC_LINE_BYTES = 64
};

typedef enum zc_kind { ZC_TOTAL = 1, ZC_GAUGE = 2, ZC_CONSTANT = 3, ZC_HISTOGRAM = 4 } zc_kind;
typedef enum zc_phase { ZC_STARTING = 0, ZC_READY = 1, ZC_DRAINING = 2, ZC_DONE = 3 } zc_phase;

#define ZC_UNSET INT64_MIN /* a value that nobody has measured */

/* The first 256 bytes of the file. All numbers are little-endian. */
typedef struct zc_page {
  char magic[8]; /* "ZCPAGE\0\0" */
  uint32_t version;
  uint32_t entry_bytes;
  uint64_t file_bytes;
  uint64_t generation; /* raised before a declaration ... */
  uint32_t table_at;   /* offsets from the start of the file */
  uint32_t capacity;   /* entries that the table has room for */
  uint32_t declared;   /* entries in use; written after the entry */
  uint32_t laws_at;
  uint32_t laws_bytes;
  uint32_t laws_used; /* written after the law's text */
  uint32_t data_at;
  uint32_t data_bytes;
  uint32_t data_used;
  uint32_t buckets;
  uint64_t pid;
  uint64_t started_ns; /* since 1970, when the writer opened the page */
  uint64_t lock;       /* the writers' */
  uint64_t refused;    /* declarations and laws that found no room, or were no names */
  uint8_t reserved_[24];
  uint64_t heartbeat; /* changes when the program makes a step */
  uint64_t state;     /* zc_phase */
  uint8_t reserved2_[104];
  uint64_t generation_again; /* ... and this after it, to the same number */
} zc_page;

typedef struct zc_entry {
  char name[64];
  char unit[16];
  char writer[16];
  uint32_t kind;
  uint32_t offset; /* of its value, from the start of the file */
  uint8_t reserved_[24];
} zc_entry;

/* Handles: what zc_declare gives. Copy them freely. */
typedef struct zc_counter {
  int64_t* word;
} zc_counter;
typedef struct zc_histogram {
  int64_t* words; /* count, sum, largest, reserved, then the buckets */
} zc_histogram;

#ifdef __cplusplus
static_assert(sizeof(zc_page) == 256 && sizeof(zc_entry) == 128, "the layout of docs/page.md");
#else
_Static_assert(sizeof(zc_page) == 256 && sizeof(zc_entry) == 128, "the layout of docs/page.md");
#endif

#ifndef ZCPAGE_LAYOUT_ONLY
/* ---- Atomic words, in a way that C and C++ share ------------------------------------------------------- */

#if defined(__GNUC__) || defined(__clang__)
static inline int64_t zc__load(const int64_t* word) { return __atomic_load_n(word, __ATOMIC_RELAXED); }
static inline void zc__store(int64_t* word, int64_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELAXED);
}
static inline int64_t zc__fetch_add(int64_t* word, int64_t n) {
  return __atomic_fetch_add(word, n, __ATOMIC_RELAXED);
}
static inline int zc__swap_if(int64_t* word, int64_t* seen, int64_t value) {
  return __atomic_compare_exchange_n(word, seen, value, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}
static inline int zc__claim(uint64_t* word, uint64_t value) { /* from 0 */
  uint64_t none = 0;
  return __atomic_compare_exchange_n(word, &none, value, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}
static inline uint64_t zc__acquire(const uint64_t* word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
static inline void zc__release(uint64_t* word, uint64_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
}
static inline void zc__publish(uint32_t* word, uint32_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
}
/* What follows it stays behind it. Not a fence: ThreadSanitizer does not model them. */
static inline void zc__raise_before(uint64_t* word, uint64_t value) {
  (void)__atomic_exchange_n(word, value, __ATOMIC_ACQ_REL);
}
static inline unsigned zc__exponent(uint64_t value) { return 63U - (unsigned)__builtin_clzll(value); }
#define zc__likely(condition) __builtin_expect(condition, 1)
#define ZC__ONE __attribute__((weak)) /* one definition for all files of a program that include this */
#else
static inline int64_t zc__load(const int64_t* word) { return *(const volatile int64_t*)word; }
static inline void zc__store(int64_t* word, int64_t value) { *(volatile int64_t*)word = value; }
static inline int64_t zc__fetch_add(int64_t* word, int64_t n) {
  return _InterlockedExchangeAdd64((volatile __int64*)word, n);
}
static inline int zc__swap_if(int64_t* word, int64_t* seen, int64_t value) {
  const int64_t found = _InterlockedCompareExchange64((volatile __int64*)word, value, *seen);
  const int swapped = found == *seen;
  *seen = found;
  return swapped;
}
static inline int zc__claim(uint64_t* word, uint64_t value) {
  return _InterlockedCompareExchange64((volatile __int64*)word, (__int64)value, 0) == 0;
}
static inline uint64_t zc__acquire(const uint64_t* word) { return *(const volatile uint64_t*)word; }
static inline void zc__release(uint64_t* word, uint64_t value) { *(volatile uint64_t*)word = value; }
static inline void zc__publish(uint32_t* word, uint32_t value) { *(volatile uint32_t*)word = value; }
static inline void zc__raise_before(uint64_t* word, uint64_t value) {
  (void)_InterlockedExchange64((volatile __int64*)word, (__int64)value);
}
static inline unsigned zc__exponent(uint64_t value) {
  unsigned long index;
  _BitScanReverse64(&index, value);
  return index;
}
#define zc__likely(condition) (condition)
#define ZC__ONE __declspec(selectany)
#endif

/* ---- Counting ------------------------------------------------------------------------------------------ */

static inline int64_t zc_get(zc_counter counter) { return zc__load(counter.word); }

/* One thread writes it. */
static inline void zc_set(zc_counter counter, int64_t value) { zc__store(counter.word, value); }

/* One thread writes it: no locked instruction. What is unset counts as 0. */
static inline void zc_add(zc_counter counter, int64_t n) {
  const int64_t value = zc__load(counter.word);
  if (zc__likely(value != ZC_UNSET)) {
    zc__store(counter.word, value + n);
  } else {
    zc__store(counter.word, n);
  }
}

/* Any thread may. What is unset counts as 0: whoever adds to it first takes ZC_UNSET off again, which is
 * 2^63, so that adding it once more wraps to 0. */
static inline void zc_add_shared(zc_counter counter, int64_t n) {
  if (!zc__likely(zc__fetch_add(counter.word, n) != ZC_UNSET)) zc__fetch_add(counter.word, ZC_UNSET);
}

/* The largest value so far: any thread may. ZC_UNSET is smaller than any. */
static inline void zc_raise_shared(zc_counter counter, int64_t value) {
  int64_t seen = zc__load(counter.word);
  while (seen < value && !zc__swap_if(counter.word, &seen, value)) {
  }
}

/* The bucket that counts `value`; negative ones are counted as 0. */
static inline unsigned zc_bucket(int64_t value) {
  unsigned exponent;
  if (value < 16) return value < 0 ? 0U : (unsigned)value;
  exponent = zc__exponent((uint64_t)value);
  return (exponent - 3U) * 16U + (unsigned)(((uint64_t)value >> (exponent - 4U)) & 15U);
}

/* One thread records. */
static inline void zc_record(zc_histogram histogram, int64_t value) {
  int64_t* words = histogram.words;
  int64_t* bucket = words + 4 + zc_bucket(value);
  if (value < 0) value = 0;
  zc__store(bucket, zc__load(bucket) + 1);
  zc__store(words + 1, zc__load(words + 1) + value);
  if (zc__load(words + 2) < value) zc__store(words + 2, value);
  zc__store(words, zc__load(words) + 1);
}

/* Any thread may. */
static inline void zc_record_shared(zc_histogram histogram, int64_t value) {
  zc_counter largest;
  largest.word = histogram.words + 2;
  if (value < 0) value = 0;
  zc__fetch_add(histogram.words + 4 + zc_bucket(value), 1);
  zc__fetch_add(histogram.words + 1, value);
  zc_raise_shared(largest, value);
  zc__fetch_add(histogram.words, 1);
}

/* How far the program is: zcbench's warm-up begins with ZC_READY. */
static inline void zc_state(zc_page* page, zc_phase state) { zc__release(&page->state, (uint64_t)state); }

/* The program has made a step: for one that may go on for long without counting anything. Any thread may. */
static inline void zc_beat(zc_page* page) { zc__fetch_add((int64_t*)&page->heartbeat, 1); }

/* ---- Opening the page ---------------------------------------------------------------------------------- */

typedef struct zc__opened { /* by this process; the page's own header is not trusted after it was checked */
  zc_page* page;
  size_t size;
  uint32_t table_at, capacity, laws_at, laws_bytes, data_at, data_bytes;
  uint64_t lock; /* of zc_open */
  long pid;      /* of who opened it; another one after fork() */
  const char* problem;
  int is_watched; /* whether the fork handler is installed */
  char path[4096];
} zc__opened;

ZC__ONE zc__opened zc__the = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {0}};
/* Where nothing else can be had; also what a refused declaration counts in. */
ZC__ONE int64_t zc__scrap[4 + ZC_BUCKETS] = {0};

/* Why the page is private memory; NULL if it is the one that ZCBENCH_PAGE names. */
static inline const char* zc_problem(void) { return zc__the.problem; }

static inline long zc__pid(void) {
#ifdef _WIN32
  return (long)_getpid();
#else
  return (long)getpid();
#endif
}

static inline void zc__yield(void) {
#ifndef _WIN32
  sched_yield();
#endif
}

/* Take a lock; 0 if whoever holds it does not come back: killed in the middle, or this very thread, in a
 * signal. */
static inline int zc__lock(uint64_t* lock) {
  int tries;
  for (tries = 0; tries < 1000000; ++tries) {
    if (zc__claim(lock, (uint64_t)zc__pid())) return 1;
    zc__yield();
  }
  return 0;
}

static inline void zc__blank(zc_page* page) {
  const uint32_t laws_at = (uint32_t)(sizeof(zc_page) + ZC_CAPACITY * sizeof(zc_entry));
  const uint32_t data_at = (laws_at + ZC_LAWS_BYTES + ZC_LINE_BYTES - 1) / ZC_LINE_BYTES * ZC_LINE_BYTES;
  page->version = ZC_VERSION;
  page->entry_bytes = (uint32_t)sizeof(zc_entry);
  page->file_bytes = ZC_PAGE_BYTES;
  page->table_at = (uint32_t)sizeof(zc_page);
  page->capacity = ZC_CAPACITY;
  page->laws_at = laws_at;
  page->laws_bytes = ZC_LAWS_BYTES;
  page->data_at = data_at;
  page->data_bytes = ZC_PAGE_BYTES - data_at;
  page->buckets = ZC_BUCKETS;
  memcpy(page->magic, "ZCPAGE\0\0", 8); /* last: a page without it is not looked at */
}

/* Whether [at, at + bytes) lies in the file behind the header. */
static inline int zc__fits(uint64_t at, uint64_t bytes, uint64_t size) {
  return at >= sizeof(zc_page) && at % 8 == 0 && at + bytes <= size;
}

static inline int zc__is_sound(const zc_page* page, size_t size) {
  return memcmp(page->magic, "ZCPAGE\0\0", 8) == 0 && page->version == ZC_VERSION &&
         page->entry_bytes == sizeof(zc_entry) && page->buckets == ZC_BUCKETS && page->file_bytes <= size &&
         zc__fits(page->table_at, (uint64_t)page->capacity * sizeof(zc_entry), page->file_bytes) &&
         zc__fits(page->laws_at, page->laws_bytes, page->file_bytes) &&
         zc__fits(page->data_at, page->data_bytes, page->file_bytes) && page->data_at % ZC_LINE_BYTES == 0;
}

static inline void zc__take(zc_page* page, size_t size) {
  struct timespec now = {0, 0};
  zc__the.page = page;
  zc__the.size = size;
  zc__the.table_at = page->table_at;
  zc__the.capacity = page->capacity;
  zc__the.laws_at = page->laws_at;
  zc__the.laws_bytes = page->laws_bytes;
  zc__the.data_at = page->data_at;
  zc__the.data_bytes = page->data_bytes;
  zc__the.pid = zc__pid();
  (void)timespec_get(&now, TIME_UTC);
  page->started_ns = (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

#ifdef _WIN32
static inline void zc__private(const char* problem) {
  zc_page* page = (zc_page*)calloc(1, ZC_PAGE_BYTES);
  if (!page) abort();
  zc__blank(page);
  zc__the.problem = problem;
  zc__take(page, ZC_PAGE_BYTES);
}
static inline void zc__open(void) { zc__private("zcpage.h maps no file on Windows yet"); }
#else

/* `size` bytes of zeros, at `at` if it is given; MAP_FAILED if there are none. */
static inline void* zc__zeros(void* at, size_t size) {
  const int file = open("/dev/zero", O_RDWR); /* MAP_ANONYMOUS is not declared under -std=c11 */
  void* found;
  if (file < 0) return MAP_FAILED;
  found = mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | (at ? MAP_FIXED : 0), file, 0);
  close(file);
  return found;
}

static inline void zc__private(const char* problem) {
  void* memory = zc__zeros(NULL, ZC_PAGE_BYTES);
  if (memory == MAP_FAILED) memory = calloc(1, ZC_PAGE_BYTES);
  if (!memory) abort();
  zc__blank((zc_page*)memory);
  zc__the.problem = problem;
  zc__take((zc_page*)memory, ZC_PAGE_BYTES);
}

/* Write all of it: blocks that the disk has not got are seen here, not as a SIGBUS of some later store. */
static inline int zc__write(int file, const void* from, size_t size) {
  const char* at = (const char*)from;
  while (size) {
    const ssize_t written = write(file, at, size);
    if (written <= 0) return 0;
    at += written;
    size -= (size_t)written;
  }
  return 1;
}

/* Make the file `path` of what `page` holds, and map it, at `at` if it is given. */
static inline zc_page* zc__make(const char* path, const zc_page* page, void* at) {
  const int file = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
  void* found = MAP_FAILED;
  if (file < 0) return NULL;
  if (zc__write(file, page, ZC_PAGE_BYTES)) {
    found = mmap(at, ZC_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | (at ? MAP_FIXED : 0), file, 0);
  }
  close(file);
  if (found == MAP_FAILED) unlink(path);
  return found == MAP_FAILED ? NULL : (zc_page*)found;
}

/* The page of a process beside another one's. */
static inline int zc__beside(char* path, size_t room) {
  const int length = snprintf(path, room, "%s.%ld", zc__the.path, zc__pid());
  return length > 0 && (size_t)length < room;
}

/* A page for a process that finds its name taken by another one's, or not there at all. */
static inline void zc__new(const char* path) {
  zc_page* page;
  zc__private("its page could not be made");
  page = zc__make(path, zc__the.page, zc__the.page); /* in the place of the private one */
  if (!page) return;
  zc__the.problem = NULL;
  zc__release(&page->pid, (uint64_t)zc__pid());
}

static inline void zc__map(int file) {
  char beside[sizeof zc__the.path + 32];
  struct stat status;
  zc_page* page;
  void* found;
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size < (off_t)sizeof(zc_page) ||
      status.st_size > (1 << 28)) {
    zc__private("ZCBENCH_PAGE names no page: not a regular file, or too small or too large for one");
    return;
  }
  found = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  page = (zc_page*)found;
  if (found == MAP_FAILED) {
    zc__private("the page that ZCBENCH_PAGE names cannot be mapped");
  } else if (!zc__is_sound(page, (size_t)status.st_size)) {
    munmap(found, (size_t)status.st_size);
    zc__private("ZCBENCH_PAGE names a file that is no page of version 2");
  } else if (zc__claim(&page->pid, (uint64_t)zc__pid()) || zc__acquire(&page->pid) == (uint64_t)zc__pid()) {
    zc__take(page, (size_t)status.st_size);
  } else {
    munmap(found, (size_t)status.st_size);
    if (zc__beside(beside, sizeof beside))
      zc__new(beside);
    else
      zc__private("the path that ZCBENCH_PAGE names is too long");
  }
}

static inline void zc__open(void) {
  const char* path = getenv("ZCBENCH_PAGE");
  int file;
  if (!path || !*path) {
    zc__private("ZCBENCH_PAGE is not set");
    return;
  }
  if (strlen(path) >= sizeof zc__the.path) {
    zc__private("the path that ZCBENCH_PAGE names is too long");
    return;
  }
  strcpy(zc__the.path, path);
  file = open(path, O_RDWR);
  if (file >= 0) {
    zc__map(file);
    close(file);
  } else {
    zc__new(path);
  }
}

/* In a forked child, where only system calls are allowed: memory of its own takes the page's place, at the
 * same address, so that every handle stays good. It holds what was declared, and every total at zero. */
static inline void zc__in_forked_child(void) {
  zc_page* page = zc__the.page;
  uint32_t declared, i;
  size_t kept;
  void* copy;
  if (!page || !zc__the.path[0] || zc__the.problem) return;
  declared = page->declared < zc__the.capacity ? page->declared : zc__the.capacity;
  kept = zc__the.data_at; /* header, table and laws */
  copy = zc__zeros(NULL, kept);
  if (copy == MAP_FAILED) return;
  memcpy(copy, page, kept);
  if (zc__zeros(page, zc__the.size) != MAP_FAILED) {
    memcpy(page, copy, kept);
    page->pid = page->lock = page->refused = page->heartbeat = 0;
    page->generation_again = page->generation;
    for (i = 0; i < declared; ++i) {
      const zc_entry* entry = (const zc_entry*)(const void*)((const char*)page + zc__the.table_at) + i;
      if ((entry->kind == ZC_GAUGE || entry->kind == ZC_CONSTANT) && entry->offset % 8 == 0 &&
          entry->offset + 8U <= zc__the.size) {
        *(int64_t*)(void*)((char*)page + entry->offset) = ZC_UNSET;
      }
    }
  }
  munmap(copy, kept);
  zc__the.lock = 0;
}

/* A forked child asks for a page: a file of its own, in the place of its private memory. */
static inline void zc__reopen(void) {
  char beside[sizeof zc__the.path + 32];
  zc_page* page = NULL;
  if (zc__the.problem) {
    zc__the.pid = zc__pid();
    return;
  }
  if (zc__the.size == ZC_PAGE_BYTES && zc__beside(beside, sizeof beside)) {
    page = zc__make(beside, zc__the.page, zc__the.page);
  }
  zc__take(zc__the.page, zc__the.size);
  if (page)
    zc__release(&page->pid, (uint64_t)zc__pid());
  else
    zc__the.problem = "this child's page could not be made";
}
#endif

/* The page that ZCBENCH_PAGE names, the same one at each call in a process; private memory without it, and
 * where it is no page (zc_problem says so). Never NULL. A file that is not there is made; where another
 * process has opened it, this one gets a page beside it, "PATH.PID". */
static inline zc_page* zc_open(void) {
  if (!zc__lock(&zc__the.lock) && zc__the.page) return zc__the.page;
#ifndef _WIN32
  if (!zc__the.is_watched) zc__the.is_watched = pthread_atfork(NULL, NULL, zc__in_forked_child) == 0;
  if (zc__the.page && zc__the.pid != zc__pid()) zc__reopen();
#endif
  if (!zc__the.page) zc__open();
  zc__release(&zc__the.lock, 0);
  return zc__the.page;
}

/* ---- Declaring ----------------------------------------------------------------------------------------- */

static inline zc_entry* zc__entries(zc_page* page) {
  return (zc_entry*)(void*)((char*)page + zc__the.table_at);
}

static inline int zc__is_name(const char* name) {
  const char* at = name;
  char before = '.';
  for (; *at; ++at) {
    const int is_letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');
    const int is_other = (*at >= '0' && *at <= '9') || *at == '_';
    if (at == name ? !is_letter : !(is_letter || is_other || (*at == '.' && before != '.'))) return 0;
    before = *at;
  }
  return before != '.' && (size_t)(at - name) < sizeof(((zc_entry*)0)->name);
}

/* A text of a unit or a writer, cut to what an entry holds. */
static inline void zc__label(char* to, const char* text, size_t room) {
  size_t i;
  for (i = 0; text && text[i] && i + 1 < room; ++i) to[i] = text[i] > ' ' && text[i] < 127 ? text[i] : '_';
}

/* Room for `bytes` of a value of `writer`, in a cache line that no other writer has; 0 if there is none. */
static inline uint32_t zc__room(zc_page* page, const zc_entry* entries, uint32_t declared, const char* writer,
                                uint32_t bytes) {
  uint32_t at, i;
  for (i = declared; bytes == 8 && *writer && i > 0; --i) { /* its newest line, unless that is full */
    const zc_entry* entry = entries + i - 1;
    if (entry->kind == ZC_HISTOGRAM || strncmp(entry->writer, writer, sizeof entry->writer) != 0) continue;
    if ((entry->offset + 8) % ZC_LINE_BYTES) return entry->offset + 8;
    break;
  }
  at = page->data_used;
  bytes = (bytes + ZC_LINE_BYTES - 1) / ZC_LINE_BYTES * ZC_LINE_BYTES;
  if (at % ZC_LINE_BYTES || at > zc__the.data_bytes || zc__the.data_bytes - at < bytes) return 0;
  page->data_used = at + bytes;
  return zc__the.data_at + at;
}

/* Declare under the page's lock. */
static inline int64_t* zc__declare(zc_page* page, const zc_entry* wanted) {
  const uint32_t declared = page->declared;
  zc_entry* entries = zc__entries(page);
  zc_entry* entry;
  int64_t* words;
  uint32_t offset, i;
  if (declared > zc__the.capacity) return NULL;
  for (i = 0; i < declared; ++i) {
    if (strncmp(entries[i].name, wanted->name, sizeof wanted->name) != 0) continue;
    return entries[i].kind == wanted->kind ? (int64_t*)(void*)((char*)page + entries[i].offset) : NULL;
  }
  if (declared == zc__the.capacity) return NULL;
  offset = zc__room(page, entries, declared, wanted->writer,
                    wanted->kind == ZC_HISTOGRAM ? (uint32_t)sizeof zc__scrap : 8U);
  if (!offset) return NULL;
  words = (int64_t*)(void*)((char*)page + offset);
  if (wanted->kind == ZC_GAUGE || wanted->kind == ZC_CONSTANT) zc__store(words, ZC_UNSET);
  entry = entries + declared;
  *entry = *wanted;
  entry->offset = offset;
  zc__publish(&page->declared, declared + 1);
  return words;
}

/* Between these two a reader does not trust the table. */
static inline uint64_t zc__begin(zc_page* page) {
  const uint64_t generation = page->generation + 1;
  zc__raise_before(&page->generation, generation);
  return generation;
}
static inline void zc__end(zc_page* page, uint64_t generation) {
  zc__release(&page->generation_again, generation);
  zc__release(&page->lock, 0);
}

static inline int64_t* zc__declared(zc_page* page, const char* name, const char* unit, zc_kind kind,
                                    const char* writer) {
  int64_t* words = NULL;
  zc_entry wanted;
  memset(&wanted, 0, sizeof wanted);
  if (zc__lock(&page->lock)) {
    const uint64_t generation = zc__begin(page);
    if (name && zc__is_name(name)) {
      strcpy(wanted.name, name);
      zc__label(wanted.unit, unit, sizeof wanted.unit);
      zc__label(wanted.writer, writer, sizeof wanted.writer);
      wanted.kind = (uint32_t)kind;
      words = zc__declare(page, &wanted);
    }
    if (!words) ++page->refused;
    zc__end(page, generation);
  }
  return words ? words : zc__scrap;
}

/* Declare a value, or find the one that was declared under this name. A total starts at 0, a gauge and a
 * constant unset. `writer` names the one thread that will write it; NULL if any may. Where the page has no
 * room, or has the name as another kind, or it is no name, the handle counts for nobody, and the page counts
 * that it was refused. */
static inline zc_counter zc_declare(zc_page* page, const char* name, const char* unit, zc_kind kind,
                                    const char* writer) {
  zc_counter counter;
  counter.word = kind == ZC_HISTOGRAM ? zc__scrap : zc__declared(page, name, unit, kind, writer);
  return counter;
}

/* The same for a histogram. */
static inline zc_histogram zc_declare_histogram(zc_page* page, const char* name, const char* unit,
                                                const char* writer) {
  zc_histogram histogram;
  histogram.words = zc__declared(page, name, unit, ZC_HISTOGRAM, writer);
  return histogram;
}

/* State a law over the page's values, "pool.captured == pool.returns + pool.in_flight": zcbench holds it
 * against every sample. */
static inline void zc_law(zc_page* page, const char* text) {
  const size_t length = text ? strlen(text) : 0;
  if (!zc__lock(&page->lock)) return;
  {
    const uint64_t generation = zc__begin(page);
    const uint32_t used = page->laws_used;
    char* at = (char*)page + zc__the.laws_at + used;
    if (!length || strchr(text, '\n') || used > zc__the.laws_bytes || zc__the.laws_bytes - used <= length) {
      ++page->refused;
    } else {
      memcpy(at, text, length);
      at[length] = '\n';
      zc__publish(&page->laws_used, used + (uint32_t)length + 1);
    }
    zc__end(page, generation);
  }
}

#endif /* ZCPAGE_LAYOUT_ONLY */

#ifdef __cplusplus
} /* extern "C" */
#endif

#if defined(__cplusplus) && !defined(ZCPAGE_LAYOUT_ONLY)
/* The same as classes: `++hits`, `in_flight -= 1`. */
namespace zcpage {

/* A value that one thread writes. */
class Counter {
 public:
  Counter(zc_page* page, const char* name, const char* unit, zc_kind kind, const char* writer) noexcept
      : counter_(zc_declare(page, name, unit, kind, writer)) {}
  Counter& operator++() noexcept { return *this += 1; }
  Counter& operator--() noexcept { return *this += -1; }
  Counter& operator+=(std::int64_t n) noexcept { return zc_add(counter_, n), *this; }
  Counter& operator-=(std::int64_t n) noexcept { return *this += -n; }
  Counter& operator=(std::int64_t value) noexcept { return zc_set(counter_, value), *this; }
  std::int64_t get() const noexcept { return zc_get(counter_); }

 private:
  zc_counter counter_;
};

/* A value that any thread may change. */
class SharedCounter {
 public:
  SharedCounter(zc_page* page, const char* name, const char* unit, zc_kind kind) noexcept
      : counter_(zc_declare(page, name, unit, kind, nullptr)) {}
  SharedCounter& operator++() noexcept { return *this += 1; }
  SharedCounter& operator--() noexcept { return *this += -1; }
  SharedCounter& operator+=(std::int64_t n) noexcept { return zc_add_shared(counter_, n), *this; }
  SharedCounter& operator-=(std::int64_t n) noexcept { return *this += -n; }
  SharedCounter& operator=(std::int64_t value) noexcept { return zc_set(counter_, value), *this; }
  void raise_to(std::int64_t value) noexcept { zc_raise_shared(counter_, value); }
  std::int64_t get() const noexcept { return zc_get(counter_); }

 private:
  zc_counter counter_;
};

} /* namespace zcpage */
#endif
#endif /* ZCPAGE_H */
