// Children that died of a crash: their parent alone is told, by the functions that wait for a child.
//
// A server that starts its workers anew looks well from outside while one after another crashes. What the
// parent is told is noted on its page: how many, and the last one's number and signal.
#ifndef ZCBENCH_PROBES_MALLOC_CHILDREN_H
#define ZCBENCH_PROBES_MALLOC_CHILDREN_H

#include <signal.h>
#include <sys/wait.h>

#include "threads.h"

struct rusage;

static struct {
  pid_t (*wait4)(pid_t, int*, int, struct rusage*);
  pid_t (*waitpid)(pid_t, int*, int);
  int (*waitid)(idtype_t, id_t, siginfo_t*, int);
} waits;

// CRASHES of zcbench/foreign.py.
static inline int is_crash(int number) {
  return number == SIGSEGV || number == SIGABRT || number == SIGBUS || number == SIGFPE || number == SIGILL ||
         number == SIGTRAP || number == SIGSYS;
}

static void note_crash(pid_t pid, int number) {
  if (pid <= 0 || !is_crash(number) || !page) return;
  __atomic_store_n(&page->crash_pid, (uint64_t)pid, __ATOMIC_RELAXED);
  __atomic_store_n(&page->crash_signal, (uint64_t)number, __ATOMIC_RELAXED);
  __atomic_fetch_add(&page->crashes, 1, __ATOMIC_RELEASE);
}

#endif  // ZCBENCH_PROBES_MALLOC_CHILDREN_H
