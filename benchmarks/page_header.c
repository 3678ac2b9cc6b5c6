/* What counting on a page costs, in ns an operation; see page_header.py. */
#define _POSIX_C_SOURCE 200809L
#include "zcpage.h"

enum { OPERATIONS = 4000000, ROUNDS = 15 };

static volatile int64_t plain;
static zc_counter own, shared;
static zc_histogram hold, spread;

static void increment(void) {
  for (int i = 0; i < OPERATIONS; ++i) ++plain;
}
static void add(void) {
  for (int i = 0; i < OPERATIONS; ++i) zc_add(own, 1);
}
static void add_shared(void) {
  for (int i = 0; i < OPERATIONS; ++i) zc_add_shared(shared, 1);
}
static void record(void) {
  for (int i = 0; i < OPERATIONS; ++i) zc_record(hold, i);
}
static void record_shared(void) {
  for (int i = 0; i < OPERATIONS; ++i) zc_record_shared(spread, i);
}

static void* contend(void* stop) {
  while (!__atomic_load_n((int*)stop, __ATOMIC_RELAXED)) zc_add_shared(shared, 1);
  return NULL;
}
static void add_contended(void) {
  int stop = 0;
  pthread_t other;
  if (pthread_create(&other, NULL, contend, &stop) != 0) return;
  add_shared();
  __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
  pthread_join(other, NULL);
}

static double ns_each(void (*work)(void)) {
  struct timespec before, after;
  clock_gettime(CLOCK_MONOTONIC, &before);
  work();
  clock_gettime(CLOCK_MONOTONIC, &after);
  return ((double)(after.tv_sec - before.tv_sec) * 1e9 + (double)(after.tv_nsec - before.tv_nsec)) /
         OPERATIONS;
}

int main(void) {
  static const struct {
    const char* name;
    void (*work)(void);
  } kinds[] = {{"plain", increment},         {"zc_add", add},       {"zc_add_shared", add_shared},
               {"contended", add_contended}, {"zc_record", record}, {"zc_record_shared", record_shared}};
  zc_page* page = zc_open();
  own = zc_declare(page, "own", "steps", ZC_TOTAL, "main");
  shared = zc_declare(page, "shared", "steps", ZC_TOTAL, NULL);
  hold = zc_declare_histogram(page, "hold_ns", "ns", "main");
  spread = zc_declare_histogram(page, "spread_ns", "ns", NULL);
  for (int round = 0; round < ROUNDS; ++round) { /* in turns, so that a slow moment falls on all of them */
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; ++i) {
      printf("%s %.4f\n", kinds[i].name, ns_each(kinds[i].work));
    }
  }
  return 0;
}
