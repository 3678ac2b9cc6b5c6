// The meter's page: one small file a process, in the folder that ZCBENCH_MALLOC_DIR names.
//
// Layout: 64-byte lines of unsigned 64-bit words in the machine's byte order (zcbench/probes/malloc/page.py
// reads it).
//
//   line 0     magic "ZCMALLOC", version, pid, CLOCK_BOOTTIME in ns at which the page was made, shards used
//   so far,
//              blocks and bytes live at the fork that made the process (0 without one), flags
//   line 1, 2  path of the object whose malloc does the work, NUL-padded
//   line 3     children that it waited for and that had died of a crash: how many, the last one's pid and
//              signal; of an allocator of the program's own, by its statistics: which one, where it stands,
//              whether it tells, bytes live, CLOCK_BOOTTIME in ns of that reading
//   line 4     the shard that threads without one of their own share
//   line 5...  shards: allocations, frees, bytes allocated, bytes freed, and what only the meter uses
//
// Live blocks = inherited + sum of allocations - sum of frees; live bytes alike. Bytes are
// malloc_usable_size's. A shard is written by one thread at a time with plain stores, so a reader sees each
// word whole; a shard whose thread has ended goes to the next thread that begins, and is added to.
#ifndef ZCBENCH_PROBES_MALLOC_PAGE_H
#define ZCBENCH_PROBES_MALLOC_PAGE_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

enum {
  kVersion = 3,
  kShards = 251,  // with the five lines before them 16 KiB: more threads than this at once share one shard
  kNameBytes = 128,
  kPathBytes = 4096,
};

enum PageFlags {
  kBypassed = 1,    // the program brings a malloc of its own that is called instead of the meter's
  kStoodAside = 2,  // a sanitizer or valgrind is the program's malloc: nothing is counted
  kOwnBreak = 4,    // somebody beside malloc has moved the break: what lies there is not malloc's alone
};

// An allocator of the program's own, see statistics.h: which one, where it stands, whether it tells.
enum OwnKind { kJemalloc = 1, kTcmalloc, kMimalloc };
enum OwnPlace { kOwnInstead = 1, kOwnBeside };  // of what the meter counts
enum OwnState { kOwnBegins = 1, kOwnRead, kOwnSilent, kOwnForked };

typedef struct {
  uint64_t allocations, frees, allocated_bytes, freed_bytes;
  uint64_t is_shared;     // by several threads: to be written with atomic adds
  _Atomic uint32_t next;  // in the list of shards without a thread: index + 1, 0 at its end
  uint32_t reserved[5];
} Shard;

typedef struct {
  char magic[8];
  uint64_t version, pid, made_ns, used, inherited_blocks, inherited_bytes, flags;
  char allocator[kNameBytes];
  uint64_t crashes, crash_pid, crash_signal;
  uint64_t own_kind, own_place, own_state, own_bytes, own_read_ns;
  Shard shared;
  Shard shards[kShards];
} Page;

_Static_assert(sizeof(Shard) == 64, "a shard is a cache line");
_Static_assert(sizeof(Page) == 16384, "a page is 16 KiB");

typedef struct {
  uint64_t blocks, bytes;
} Live;

// What is live by the page's counts.
static inline Live page_live(const Page* page) {
  Live live = {page->inherited_blocks + page->shared.allocations - page->shared.frees,
               page->inherited_bytes + page->shared.allocated_bytes - page->shared.freed_bytes};
  for (int i = 0; i < kShards; ++i) {
    const Shard* shard = &page->shards[i];
    live.blocks += shard->allocations - shard->frees;
    live.bytes += shard->allocated_bytes - shard->freed_bytes;
  }
  return live;
}

static inline uint64_t page_clock_ns(void) {
  struct timespec now = {0, 0};
  kernel_clock(&now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// "FOLDER/PID" + end; false if that is too long. No snprintf: this runs in a forked child, and inside malloc.
static inline int page_path(char* path, const char* folder, uint64_t pid, const char* end) {
  char digits[24];
  size_t at = sizeof digits, folder_size = strlen(folder), end_size = strlen(end);
  do {
    digits[--at] = (char)('0' + pid % 10);
    pid /= 10;
  } while (pid);
  if (folder_size + 1 + (sizeof digits - at) + end_size + 1 > kPathBytes) return 0;
  memcpy(path, folder, folder_size);
  path[folder_size] = '/';
  memcpy(path + folder_size + 1, digits + at, sizeof digits - at);
  memcpy(path + folder_size + 1 + (sizeof digits - at), end, end_size + 1);
  return 1;
}

// A file for this process, every block of it written: on a full disk a store to a hole would be a SIGBUS.
// It gets its name when it is whole, so a reader never sees half a page. -1 if it cannot be made.
static inline int page_file(const char* folder, const Page* content) {
  static char written[kPathBytes], final[kPathBytes];
  if (!page_path(written, folder, content->pid, ".new") || !page_path(final, folder, content->pid, ".page"))
    return -1;
  if (kernel_largest_file() < sizeof(Page)) return -1;
  kernel_unlink(written);  // of a process that was killed while it wrote one, and had this number
  int file = kernel_open(written, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (file < 0) return -1;
  size_t done = 0;
  while (done < sizeof *content) {
    long n = kernel_write(file, (const char*)content + done, sizeof *content - done);
    if (n <= 0) break;
    done += (size_t)n;
  }
  if (done < sizeof *content || kernel_rename(written, final) != 0) {
    kernel_unlink(written);
    kernel_close(file);
    return -1;
  }
  return file;
}

// Map a new page with `content`, at `at` if that is not NULL (over the parent's, in a forked child). Without
// a folder, or where it cannot be written, the page is memory of this process alone: it counts, and nobody
// reads.
static inline Page* page_map(const char* folder, const Page* content, Page* at) {
  int file = folder ? page_file(folder, content) : -1;
  int fixed = at ? MAP_FIXED : 0;
  void* mapped = MAP_FAILED;
  if (file >= 0) {
    mapped = kernel_map(at, sizeof(Page), MAP_SHARED | fixed, file);
    kernel_close(file);
  }
  if (mapped == MAP_FAILED) {
    mapped = kernel_map(at, sizeof(Page), MAP_PRIVATE | MAP_ANONYMOUS | fixed, -1);
    if (mapped == MAP_FAILED) return NULL;
    memcpy(mapped, content, sizeof(Page));
  }
  return mapped;
}

#endif  // ZCBENCH_PROBES_MALLOC_PAGE_H
