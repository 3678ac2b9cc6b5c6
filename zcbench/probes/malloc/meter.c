// The malloc meter: preloaded into a program (LD_PRELOAD), it counts what goes through the allocator,
// exactly.
//
// Every entry point calls the allocator that the program would have had, and adds to the calling thread's
// shard. Sizes are the allocator's own (malloc_usable_size), the same when a block comes and when it goes, so
// nothing has to be remembered of a block, and one that was allocated by anybody may be freed by anybody.
//
// It uses nothing of the C library that glibc and musl do not both have: the same file serves programs of
// either.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>

#include "arena.h"
#include "children.h"
#include "statistics.h"
#include "threads.h"

#define EXPORT __attribute__((visibility("default")))

// The allocator that does the work: what comes after the meter in the order of libraries.
static struct {
  void* (*malloc)(size_t);
  void* (*calloc)(size_t, size_t);
  void* (*realloc)(void*, size_t);
  void* (*memalign)(size_t, size_t);
  void* (*aligned_alloc)(size_t, size_t);
  int (*posix_memalign)(void**, size_t, size_t);
  void (*free)(void*);
  size_t (*usable)(void*);
  void* (*sbrk)(intptr_t);
  int (*brk)(void*);
} real;
static _Atomic int resolved;
THREAD_LOCAL int resolving;
static Shard lost = {.is_shared = 1};   // of threads that cannot wait for the page
static Shard aside = {.is_shared = 1};  // of all threads where nothing is counted
static int stands_aside;

// -- sizes

// A block's size stands before it in glibc's allocator (malloc/malloc.c, "struct malloc_chunk"): reading it
// there saves two calls a pair of malloc and free. Used only where the two agreed in a trial, see
// find_chunks.
enum { kChunkFlags = 7, kChunkMapped = 2 };

static inline size_t chunk_word(void* block) { return ((size_t*)block)[-1]; }

// Of a block that is not mapped; a mapped one has a word less.
static inline size_t usable_by(size_t word) { return (word & ~(size_t)kChunkFlags) - sizeof(size_t); }

static inline size_t glibc_usable(void* block) {
  size_t word = chunk_word(block);
  return usable_by(word) - (word & kChunkMapped ? sizeof(size_t) : 0);
}

static inline size_t usable(void* block) {
  return LIKELY(has_glibc_chunks) ? glibc_usable(block) : real.usable(block);
}

static int is_under_valgrind(void) { return dlsym(RTLD_DEFAULT, "_vgnU_freeres") != NULL; }

static int find_chunks(void) {
#if defined(__x86_64__) && defined(__linux__)
  static const size_t trials[] = {1, 24, 25, 100, 1000, 5000, 70000, 500000};  // the last ones are mapped
  Dl_info who;
  const char* file = dladdr((void*)real.malloc, &who) ? strrchr(who.dli_fname, '/') : NULL;
  // Under valgrind libc's malloc is valgrind's, which tells of every look beside a block.
  if (is_under_valgrind()) return 0;
  if (!dlsym(RTLD_DEFAULT, "gnu_get_libc_version") || !file || strcmp(file, "/libc.so.6") != 0) return 0;
  for (size_t i = 0; i < sizeof trials / sizeof *trials; ++i) {
    void* block = real.malloc(trials[i]);
    int agree = block && glibc_usable(block) == real.usable(block);
    real.free(block);
    if (!agree) return 0;
  }
  return 1;
#else
  return 0;
#endif
}

// -- beginning

// False while this very thread looks the functions up: what dlsym allocates then comes from the arena.
static int resolve(void) {
  if (LIKELY(atomic_load_explicit(&resolved, memory_order_acquire))) return 1;
  if (resolving) return 0;
  resolving = 1;
  *(void**)&real.free = dlsym(RTLD_NEXT, "free");
  *(void**)&real.calloc = dlsym(RTLD_NEXT, "calloc");
  *(void**)&real.realloc = dlsym(RTLD_NEXT, "realloc");
  *(void**)&real.memalign = dlsym(RTLD_NEXT, "memalign");
  *(void**)&real.aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
  *(void**)&real.posix_memalign = dlsym(RTLD_NEXT, "posix_memalign");
  *(void**)&real.usable = dlsym(RTLD_NEXT, "malloc_usable_size");
  *(void**)&real.sbrk = dlsym(RTLD_NEXT, "sbrk");
  *(void**)&real.brk = dlsym(RTLD_NEXT, "brk");
  *(void**)&waits.wait4 = dlsym(RTLD_NEXT, "wait4");
  *(void**)&waits.waitpid = dlsym(RTLD_NEXT, "waitpid");
  *(void**)&waits.waitid = dlsym(RTLD_NEXT, "waitid");
  *(void**)&real.malloc = dlsym(RTLD_NEXT, "malloc");
  // A sanitizer's malloc is called before it is ready, and takes no questions about what it gave out then.
  stands_aside = dlsym(RTLD_DEFAULT, "__asan_init") || dlsym(RTLD_DEFAULT, "__tsan_init") ||
                 dlsym(RTLD_DEFAULT, "__msan_init") || dlsym(RTLD_DEFAULT, "__hwasan_init") ||
                 dlsym(RTLD_DEFAULT, "__lsan_init");
  has_glibc_chunks = !stands_aside && find_chunks();
  resolving = 0;
  atomic_store_explicit(&resolved, 1, memory_order_release);
  return 1;
}

static void name_allocator(void* function, char* name) {
  Dl_info who;
  if (!dladdr(function, &who) || !who.dli_fname) return;
  size_t size = strlen(who.dli_fname);
  size_t skipped = size < kNameBytes ? 0 : size - kNameBytes + 1;
  memcpy(name, who.dli_fname + skipped, size - skipped + 1);
}

static void find_folder(void) {
  const char* named = getenv("ZCBENCH_MALLOC_DIR");
  // Copied: a program may overwrite its environment, as those do that set their title.
  if (named && *named && strlen(named) < sizeof folder_bytes) folder = strcpy(folder_bytes, named);
}

// Make the page and what finds it. One thread does; the others wait for it, not for ever.
static int begin(void) {
  int expected = 0;
  if (!atomic_compare_exchange_strong(&begun, &expected, 1)) {
    for (int i = 0; i < 1000 && atomic_load(&begun) == 1; ++i) sched_yield();
    return atomic_load(&begun) == 2;
  }
  find_folder();
#ifdef MADV_WIPEONFORK
  size_t size = (sizeof(Table) + 65535) & ~(size_t)65535;  // whole pages on every machine
  void* memory = kernel_map(NULL, size, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  if (memory != MAP_FAILED) {
    if (syscall(SYS_madvise, memory, size, MADV_WIPEONFORK) == 0)
      table = memory;
    else
      syscall(SYS_munmap, memory, size);
  }
#endif
  has_thread_end = pthread_key_create(&thread_end, leave) == 0;
  new_page((Live){0, 0}, NULL, 0);
  name_allocator((void*)real.malloc, page->allocator);
  atomic_store_explicit(&table->made, 1, memory_order_release);
  atomic_store(&begun, 2);
  return 1;
}

// Where a thread counts that has no shard of its own yet, or none any more; NULL in a thread that is looking
// the allocator's functions up.
static __attribute__((noinline)) Shard* find_shard(void) {
  if (!resolve()) return NULL;
  if (stands_aside) return &aside;
  int error = errno;  // free leaves it alone
  int is_made = atomic_load_explicit(&begun, memory_order_acquire) == 2 || begin();
  if (is_made) forked();
  if (is_made && !*slot && state == kNew) enter();
  errno = error;
  return !is_made ? &lost : *slot ? *slot : &page->shared;
}

static inline Shard* my_shard(void) {
  Shard* shard = *slot;
  return LIKELY(shard != NULL) ? shard : find_shard();
}

static void before_fork(void) {
  if (atomic_load(&begun) == 2) at_fork = page_live(page);
  count_threads();
}
static void after_fork_in_parent(void) { at_fork = (Live){0, 0}; }
static void after_fork_in_child(void) {
  if (atomic_load(&begun) == 2) {
    if (table == &first_table) memset(table, 0, sizeof *table);  // what the kernel does where it can
    find_shard();
  }
  at_fork = (Live){0, 0};
}

// -- counting

static __attribute__((noinline)) void add_shared(Shard* shard, uint64_t blocks, uint64_t bytes, int is_free) {
  __atomic_fetch_add(is_free ? &shard->frees : &shard->allocations, blocks, __ATOMIC_RELAXED);
  __atomic_fetch_add(is_free ? &shard->freed_bytes : &shard->allocated_bytes, bytes, __ATOMIC_RELAXED);
}

static inline void* allocated(Shard* shard, void* block) {
  if (UNLIKELY(block == NULL || shard == &aside)) return block;
  size_t size = usable(block);
  if (UNLIKELY(shard->is_shared)) {
    add_shared(shard, 1, size, 0);
  } else {
    ++shard->allocations;
    shard->allocated_bytes += size;
  }
  return block;
}

static inline size_t size_in(Shard* shard, void* block) {
  return LIKELY(shard != &aside) ? usable(block) : 0;
}

static inline void freed(Shard* shard, size_t size) {
  if (UNLIKELY(shard->is_shared)) {
    add_shared(shard, 1, size, 1);
  } else {
    ++shard->frees;
    shard->freed_bytes += size;
  }
}

// Around a call in which an allocator may call itself by names that lead here (musl's calloc calls malloc).
typedef struct {
  Shard **slot, **quick;
} Place;

static inline Place begin_ignoring(void) {
  Place mine = {slot, quick};
  slot = &ignoring;
  quick = &nobody;
  return mine;
}

static inline void end_ignoring(Place mine) {
  slot = mine.slot;
  quick = mine.quick;
}

// -- the entry points

// malloc and free of a thread that has its shard, in glibc's allocator, are all that a tight loop sees: two
// branches and two additions each. Everything else is in functions of its own, so that these two save no
// register for it.
//
// A sanitizer names who allocates and frees by the frames above its own functions, and loses them at a frame
// without a frame pointer: each call that is only passed on to one is the last thing done, and becomes a
// jump.

static __attribute__((noinline)) void* malloc_slowly(size_t size) {
  Shard* shard = my_shard();
  if (UNLIKELY(!shard)) return arena_take(size, 16);
  if (UNLIKELY(shard == &aside)) return real.malloc(size);
  return allocated(shard, real.malloc(size));
}

static __attribute__((noinline)) void* allocated_slowly(Shard* shard, void* block) {
  return allocated(shard, block);
}

static __attribute__((noinline)) void free_slowly(void* block) {
  if (!block) return;
  Shard* shard = my_shard();
  if (UNLIKELY(!shard || arena_has(block))) return;
  if (LIKELY(shard != &aside)) freed(shard, size_in(shard, block));
  real.free(block);
}

EXPORT void* malloc(size_t size) {
  Shard* shard = *quick;
  if (UNLIKELY(!shard)) return malloc_slowly(size);
  void* block = real.malloc(size);
  if (UNLIKELY(!block)) return NULL;
  size_t word = chunk_word(block);
  if (UNLIKELY(word & kChunkMapped)) return allocated_slowly(shard, block);
  ++shard->allocations;
  shard->allocated_bytes += usable_by(word);
  return block;
}

EXPORT void free(void* block) {
  Shard* shard = *quick;
  if (UNLIKELY(!shard || !block)) return free_slowly(block);
  size_t word = chunk_word(block);
  if (UNLIKELY(word & kChunkMapped)) return free_slowly(block);
  ++shard->frees;
  shard->freed_bytes += usable_by(word);
  real.free(block);
}

EXPORT void* calloc(size_t count, size_t size) {
  Shard* shard = my_shard();
  size_t bytes;
  if (UNLIKELY(!shard)) return __builtin_mul_overflow(count, size, &bytes) ? NULL : arena_take(bytes, 16);
  if (UNLIKELY(shard == &aside)) return real.calloc(count, size);
  Place mine = begin_ignoring();
  void* block = real.calloc(count, size);
  end_ignoring(mine);
  return allocated(shard, block);
}

static void* moved_from_arena(void* block, size_t size) {
  void* copy = malloc(size);
  size_t old = arena_size(block);
  if (copy) memcpy(copy, block, old < size ? old : size);
  return copy;
}

EXPORT void* realloc(void* block, size_t size) {
  if (!block) return malloc(size);
  Shard* shard = my_shard();
  if (UNLIKELY(!shard || arena_has(block))) return moved_from_arena(block, size);
  if (UNLIKELY(shard == &aside)) return real.realloc(block, size);
  size_t old = size_in(shard, block);
  int error = errno;
  errno = 0;
  Place mine = begin_ignoring();
  void* result = real.realloc(block, size);
  end_ignoring(mine);
  // Of size 0 some allocators free and return NULL; a NULL of any other size left the block as it was.
  if (result || (size == 0 && errno != ENOMEM)) freed(shard, old);
  if (errno == 0) errno = error;
  return allocated(shard, result);
}

EXPORT void* reallocarray(void* block, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    errno = ENOMEM;
    return NULL;
  }
  return realloc(block, bytes);
}

static void* aligned(void* (*allocate)(size_t, size_t), size_t alignment, size_t size) {
  Shard* shard = my_shard();
  if (UNLIKELY(!shard)) return arena_take(size, alignment);
  if (!allocate) {
    errno = ENOMEM;
    return NULL;
  }
  if (UNLIKELY(shard == &aside)) return allocate(alignment, size);
  Place mine = begin_ignoring();
  void* block = allocate(alignment, size);
  end_ignoring(mine);
  return allocated(shard, block);
}

EXPORT void* memalign(size_t alignment, size_t size) {
  resolve();
  return aligned(real.memalign ? real.memalign : real.aligned_alloc, alignment, size);
}

EXPORT void* aligned_alloc(size_t alignment, size_t size) {
  resolve();
  return aligned(real.aligned_alloc ? real.aligned_alloc : real.memalign, alignment, size);
}

EXPORT int posix_memalign(void** result, size_t alignment, size_t size) {
  Shard* shard = my_shard();
  if (UNLIKELY(!shard)) return (*result = arena_take(size, alignment)) ? 0 : ENOMEM;
  if (UNLIKELY(shard == &aside)) return real.posix_memalign(result, alignment, size);
  Place mine = begin_ignoring();
  int error = real.posix_memalign(result, alignment, size);
  end_ignoring(mine);
  if (!error) allocated(shard, *result);
  return error;
}

EXPORT void* valloc(size_t size) { return memalign((size_t)sysconf(_SC_PAGESIZE), size); }

EXPORT void* pvalloc(size_t size) {
  size_t unit = (size_t)sysconf(_SC_PAGESIZE), whole;
  if (__builtin_add_overflow(size, unit - 1, &whole)) {
    errno = ENOMEM;
    return NULL;
  }
  return memalign(unit, whole / unit * unit);
}

EXPORT size_t malloc_usable_size(void* block) {
  if (!block) return 0;
  return arena_has(block) ? arena_size(block) : resolve() ? real.usable(block) : 0;
}

EXPORT void cfree(void* block) { free(block); }
EXPORT void free_sized(void* block, size_t size) {
  (void)size;
  free(block);
}
EXPORT void free_aligned_sized(void* block, size_t alignment, size_t size) {
  (void)alignment;
  (void)size;
  free(block);
}

// -- the break. A C library's own malloc moves it by a name of its own, so that whoever comes here is
// somebody else: an allocator of the program's, whose blocks nobody counts.

static void note_break(void) {
  int error = errno;
  if (my_shard()) __atomic_fetch_or(&page->flags, kOwnBreak, __ATOMIC_RELAXED);
  errno = error;
}

EXPORT void* sbrk(intptr_t by) {
  resolve();
  if (by != 0) note_break();
  return real.sbrk(by);
}

EXPORT int brk(void* end) {
  resolve();
  note_break();
  return real.brk(end);
}

// -- waiting for children, see children.h

// A forked child that has allocated nothing yet has its parent's page mapped: it gets its own first.
static void saw(pid_t pid, int status) {
  if (pid <= 0 || !WIFSIGNALED(status)) return;
  int error = errno;
  my_shard();
  note_crash(pid, WTERMSIG(status));
  errno = error;
}

EXPORT pid_t wait4(pid_t pid, int* status, int options, struct rusage* usage) {
  int mine = 0;
  resolve();
  pid_t found = waits.wait4(pid, &mine, options, usage);
  saw(found, mine);
  if (status && found > 0) *status = mine;
  return found;
}

EXPORT pid_t waitpid(pid_t pid, int* status, int options) {
  int mine = 0;
  resolve();
  pid_t found = waits.waitpid(pid, &mine, options);
  saw(found, mine);
  if (status && found > 0) *status = mine;
  return found;
}

EXPORT pid_t wait(int* status) { return waitpid(-1, status, 0); }
EXPORT pid_t wait3(int* status, int options, struct rusage* usage) {
  return wait4(-1, status, options, usage);
}

// With WNOWAIT the child is asked about again.
EXPORT int waitid(idtype_t kind, id_t id, siginfo_t* info, int options) {
  siginfo_t mine;
  memset(&mine, 0, sizeof mine);
  resolve();
  int result = waits.waitid(kind, id, info ? info : &mine, options);
  const siginfo_t* said = info ? info : &mine;
  if (result == 0 && !(options & WNOWAIT) && said->si_signo == SIGCHLD &&
      (said->si_code == CLD_KILLED || said->si_code == CLD_DUMPED))
    saw(said->si_pid, said->si_status & 0x7f);  // a status of wait is its signal, for one that was killed
  return result;
}

// -- loading

// Whether what the program calls malloc is the meter's: by calling it, since a function's address says
// nothing sure. And whether an allocator of the program's own tells of itself.
static void find_allocator(void) {
  void* (*theirs)(size_t);
  void (*their_free)(void*);
  *(void**)&theirs = dlsym(RTLD_DEFAULT, "malloc");
  *(void**)&their_free = dlsym(RTLD_DEFAULT, "free");
  Shard* shard = my_shard();
  if (!shard || !theirs || !their_free) return;
  uint64_t before = shard->allocations;
  their_free(theirs(1));
  int is_bypassed = shard->allocations == before;
  if (is_bypassed && is_under_valgrind()) {  // which puts its own in the place of every malloc
    page->flags |= kStoodAside;
    return;
  }
  if (is_bypassed) {
    page->flags |= kBypassed;
    memset(page->allocator, 0, sizeof page->allocator);
    name_allocator((void*)theirs, page->allocator);
  }
  if (folder && !is_under_valgrind())
    find_statistics(is_bypassed ? theirs : real.malloc, is_bypassed ? their_free : real.free, is_bypassed);
}

// What was allocated before the C library had an environment is counted on a page without a file: give it
// one.
static void find_folder_late(void) {
  static Page content;
  if (folder || (find_folder(), !folder) || page == &unread) return;
  memcpy(&content, page, sizeof content);
  page_map(folder, &content, page);
}

__attribute__((constructor)) static void loaded(void) {
  if (resolve() && stands_aside) {
    begin();
    page->flags |= kStoodAside;
    return;
  }
  my_shard();
  find_folder_late();
  tell_of_forks(before_fork, after_fork_in_parent, after_fork_in_child);
  find_allocator();
}
