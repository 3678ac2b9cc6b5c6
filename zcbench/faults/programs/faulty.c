/* A capture program with one planted bug, for `zcbench selftest`: faulty BUG [clean] [forked].
 *
 * Each step takes a slot of a small pool, holds it for a few steps, gives it back, counts it on the page, and
 * does its bug. With "clean" it does the same work without the bug: what it takes it gives back. With
 * "forked" all of it happens in a child process, for which the first one waits.
 */
#define _GNU_SOURCE
#include "zcpage.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

enum { SLOTS = 16, HELD = 3, STEPS_PER_S = 200, LEAK_BYTES = 320, MAPPED_BYTES = 1 << 14, FATAL_STEP = 400 };

static volatile sig_atomic_t stopped;
static void on_signal(int number) { stopped = number; }

static int64_t sequence;
static int is_clean;

/* Sleep until the next step is due. A device's clock paces a capture: steps that a busy machine delayed are
 * made up for, so that what leaks a step leaks by the second. Behind by a second it begins anew, as a device
 * does. */
static void keep_pace(void) {
  static int64_t due_us;
  struct timespec now;
  int64_t now_us;
  clock_gettime(CLOCK_MONOTONIC, &now);
  now_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
  due_us = due_us < now_us - 1000000 ? now_us : due_us + 1000000 / STEPS_PER_S;
  if (due_us > now_us) usleep((useconds_t)(due_us - now_us));
}

/* ---- The bugs: what a step does beside its work -------------------------------------------------------- */

typedef struct node {
  struct node* next;
  char payload[LEAK_BYTES - sizeof(void*)];
} node;
static node* volatile leaked;

static void leak_malloc(void) {
  node* one = malloc(sizeof *one);
  if (!one) return;
  memset(one->payload, 1, sizeof one->payload);
  one->next = leaked;
  if (is_clean) {
    free(one);
  } else {
    leaked = one;
  }
}

static void leak_mmap(void) {
  void* at = mmap(NULL, MAPPED_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return;
  memset(at, 1, MAPPED_BYTES);
  if (is_clean) munmap(at, MAPPED_BYTES);
}

static void leak_descriptor(void) {
  const int file = sequence % 20 == 0 ? open("/dev/null", O_RDONLY) : -1;
  if (is_clean && file >= 0) close(file);
}

static void* wait_for_ever(void* unused) {
  while (!stopped) usleep(100000);
  return unused;
}
static void* end_at_once(void* unused) { return unused; }
static void leak_thread(void) {
  pthread_t thread;
  pthread_attr_t small;
  if (sequence % 40) return;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 1 << 16);
  if (pthread_create(&thread, &small, is_clean ? end_at_once : wait_for_ever, NULL) == 0 && is_clean) {
    pthread_join(thread, NULL);
  }
  pthread_attr_destroy(&small);
}

static void leak_child(void) {
  const pid_t child = sequence % 100 == 0 ? fork() : -1;
  if (child == 0) {
    if (is_clean) _exit(0);
    signal(SIGTERM, SIG_DFL);
    for (;;) pause();
  }
  if (is_clean && child > 0) waitpid(child, NULL, 0);
}

static void leave_zombie(void) {
  const pid_t child = sequence % 100 == 0 ? fork() : -1;
  if (child == 0) _exit(0);
  if (is_clean && child > 0) waitpid(child, NULL, 0);
}

static void crash(void) {
  if (sequence == FATAL_STEP && !is_clean) *(volatile int*)(uintptr_t)8 = 1;
}
static void leave(void) {
  if (sequence == FATAL_STEP && !is_clean) exit(3);
}
static void hang(void) {
  while (sequence == FATAL_STEP && !is_clean) pause();
}
static void nothing(void) {}

/* How often the slot of a packet is given back. */
static int gives_back(int64_t packet) { return is_clean || packet % 100; }
static int never_gives_back(int64_t packet) { return is_clean || packet < 0; }
static int always_gives_back(int64_t packet) { return packet != 0; }
static int gives_back_twice(int64_t packet) { return is_clean || packet % 100 ? 1 : 2; }

static const struct {
  const char* name;
  void (*step)(void);
  int (*returns)(int64_t packet);
} bugs[] = {
    {"none", nothing, always_gives_back},
    {"malloc-leak", leak_malloc, always_gives_back},
    {"mmap-leak", leak_mmap, always_gives_back},
    {"descriptor-leak", leak_descriptor, always_gives_back},
    {"thread-leak", leak_thread, always_gives_back},
    {"child-leak", leak_child, always_gives_back},
    {"zombies", leave_zombie, always_gives_back},
    {"lost-slot", nothing, gives_back},
    {"no-op-return", nothing, never_gives_back},
    {"double-return", nothing, gives_back_twice},
    {"crash", crash, always_gives_back},
    {"exit", leave, always_gives_back},
    {"hang", hang, always_gives_back},
};

/* ---- The work ------------------------------------------------------------------------------------------ */

static zc_counter captured, drops, hits, misses, refused, returns, in_flight, high_water, delivered, received,
    last;

static void declare(zc_page* page) {
  const char* me = "capture";
  captured = zc_declare(page, "engine.captured", "packets", ZC_TOTAL, me);
  drops = zc_declare(page, "engine.drops", "packets", ZC_TOTAL, me);
  hits = zc_declare(page, "pool.hits", "acquires", ZC_TOTAL, me);
  misses = zc_declare(page, "pool.misses", "acquires", ZC_TOTAL, me);
  refused = zc_declare(page, "pool.refused", "acquires", ZC_TOTAL, me);
  returns = zc_declare(page, "pool.returns", "returns", ZC_TOTAL, me);
  in_flight = zc_declare(page, "pool.in_flight", "leases", ZC_GAUGE, me);
  high_water = zc_declare(page, "pool.high_water", "leases", ZC_GAUGE, me);
  delivered = zc_declare(page, "engine.delivered", "packets", ZC_TOTAL, me);
  received = zc_declare(page, "consumer.received", "packets", ZC_TOTAL, me);
  last = zc_declare(page, "consumer.last_sequence", "sequence", ZC_GAUGE, me);
  zc_set(zc_declare(page, "pool.slots", "slots", ZC_CONSTANT, me), SLOTS);
  zc_set(in_flight, 0);
  zc_set(high_water, 0);
  zc_law(page, "engine.captured == pool.hits + pool.misses");
  zc_law(page, "engine.captured == pool.returns + pool.in_flight + pool.refused");
}

static int64_t held[HELD];

static void give_back(int64_t packet, int (*times)(int64_t)) {
  if (!packet) return;
  zc_add(in_flight, -times(packet));
  zc_add(returns, times(packet));
}

static void work(int (*times)(int64_t)) {
  int64_t* place = held + sequence % HELD;
  give_back(*place, times);
  *place = 0;
  zc_add(captured, 1);
  if (zc_get(in_flight) == SLOTS) {
    zc_add(misses, 1);
    zc_add(refused, 1);
    zc_add(drops, 1);
    return;
  }
  *place = sequence;
  zc_add(hits, 1);
  zc_add(in_flight, 1);
  if (zc_get(in_flight) > zc_get(high_water)) zc_set(high_water, zc_get(in_flight));
  zc_add(delivered, 1);
  zc_set(last, sequence);
  zc_add(received, 1);
}

/* The first process of "forked": waits for the one that works, and ends as it ends. */
static void in_a_child(void) {
  const pid_t child = fork();
  int status = 0;
  if (child == 0) return;
  while (waitpid(child, &status, 0) < 0) {
    if (stopped) kill(child, SIGTERM);
  }
  exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int main(int count, char** arguments) {
  struct sigaction action;
  zc_page* page;
  size_t bug = 0, i;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  sigaction(SIGTERM, &action, NULL);
  for (i = 1; i < (size_t)count; ++i) {
    if (strcmp(arguments[i], "clean") == 0) is_clean = 1;
  }
  for (bug = 0; count > 1 && strcmp(arguments[1], bugs[bug].name) != 0;) {
    if (++bug == sizeof bugs / sizeof *bugs) return 2;
  }
  if (count > 2 && strcmp(arguments[count - 1], "forked") == 0) in_a_child();
  page = zc_open();
  declare(page);
  zc_state(page, ZC_READY);
  while (!stopped) {
    ++sequence;
    work(bugs[bug].returns);
    bugs[bug].step();
    keep_pace();
  }
  zc_state(page, ZC_DRAINING);
  for (i = 0; i < HELD; ++i) give_back(held[i], bugs[bug].returns);
  zc_state(page, ZC_DONE);
  return 0;
}
