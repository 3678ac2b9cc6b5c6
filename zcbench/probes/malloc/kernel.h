// The kernel's calls, without the C library's functions of these names: those may be a sanitizer's, which is
// not ready yet when the first block is allocated, or points where a thread is cancelled, which malloc is
// none of.
#ifndef ZCBENCH_PROBES_MALLOC_KERNEL_H
#define ZCBENCH_PROBES_MALLOC_KERNEL_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/syscall.h>

static inline int kernel_open(const char* path, int flags, int mode) {
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
static inline long kernel_write(int file, const void* from, size_t size) {
  return syscall(SYS_write, file, from, size);
}
static inline int kernel_close(int file) { return (int)syscall(SYS_close, file); }
static inline int kernel_unlink(const char* path) { return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0); }
static inline int kernel_rename(const char* from, const char* to) {
  return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
// How large a file this process may write: for more the kernel would kill it (SIGXFSZ).
static inline uint64_t kernel_largest_file(void) {
  uint64_t limits[2] = {0, 0};  // struct rlimit64
  return syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, limits) == 0 ? limits[0] : 0;
}
static inline uint64_t kernel_pid(void) { return (uint64_t)syscall(SYS_getpid); }
static inline void* kernel_map(void* at, size_t size, int flags, int file) {
#ifdef SYS_mmap
  return (void*)syscall(SYS_mmap, at, size, PROT_READ | PROT_WRITE, flags, file, 0L);
#else  // 32-bit machines
  return (void*)syscall(SYS_mmap2, at, size, PROT_READ | PROT_WRITE, flags, file, 0L);
#endif
}
static inline int64_t kernel_size(int file) { return (int64_t)syscall(SYS_lseek, file, 0L, SEEK_END); }
// How many threads this process has; 0 where that cannot be told.
static inline uint64_t kernel_threads(void) {
#ifdef SYS_newfstatat  // not on 32-bit machines, whose struct stat is another one
  struct stat status;
  if (syscall(SYS_newfstatat, AT_FDCWD, "/proc/self/task", &status, 0) == 0 && status.st_nlink > 2)
    return status.st_nlink - 2;
#endif
  return 0;
}
// CLOCK_BOOTTIME: what /proc/PID/stat counts a process's start in.
static inline int kernel_clock(struct timespec* now) {
  return (int)syscall(SYS_clock_gettime, CLOCK_BOOTTIME, now);
}

#else

static inline int kernel_open(const char* path, int flags, int mode) { return open(path, flags, mode); }
static inline long kernel_write(int file, const void* from, size_t size) {
  return (long)write(file, from, size);
}
static inline int kernel_close(int file) { return close(file); }
static inline int kernel_unlink(const char* path) { return unlink(path); }
static inline int kernel_rename(const char* from, const char* to) { return rename(from, to); }
static inline uint64_t kernel_largest_file(void) {
  struct rlimit limit = {0, 0};
  return getrlimit(RLIMIT_FSIZE, &limit) == 0 ? limit.rlim_cur : 0;
}
static inline uint64_t kernel_pid(void) { return (uint64_t)getpid(); }
static inline void* kernel_map(void* at, size_t size, int flags, int file) {
  return mmap(at, size, PROT_READ | PROT_WRITE, flags, file, 0);
}
static inline int kernel_clock(struct timespec* now) { return clock_gettime(CLOCK_REALTIME, now); }

#endif
#endif  // ZCBENCH_PROBES_MALLOC_KERNEL_H
