/* Four threads count, record and declare at once; a signal handler counts in between. Each total is exact. */
#define _POSIX_C_SOURCE 200809L /* for sigaction */
#include "zcpage.h"

#include <signal.h>

enum { THREADS = 4, ROUNDS = 20000 };
static zc_counter shared, most, signals;
static zc_histogram spread;

static void on_signal(int number) {
  (void)number;
  zc_add_shared(signals, 1);
  zc_add_shared(shared, 1);
  zc_record_shared(spread, 7);
}

static void* work(void* argument) {
  const int number = *(const int*)argument;
  zc_page* page = zc_open();
  char name[32], writer[16];
  zc_counter own;
  int i;
  snprintf(name, sizeof name, "own.of_%d", number);
  snprintf(writer, sizeof writer, "thread%d", number);
  own = zc_declare(page, name, "steps", ZC_TOTAL, writer);
  for (i = 0; i < ROUNDS; ++i) {
    zc_add(own, 1);
    zc_add_shared(shared, 1);
    zc_raise_shared(most, (int64_t)number * ROUNDS + i);
    zc_record_shared(spread, i);
    if (i % 200 == 0) {
      snprintf(name, sizeof name, "late.of_%d", i / 200); /* by every thread: the same one */
      zc_add_shared(zc_declare(page, name, "steps", ZC_TOTAL, NULL), 1);
    }
    if (i % 1000 == 0) raise(SIGUSR1);
  }
  return NULL;
}

int main(void) {
  pthread_t threads[THREADS];
  struct sigaction action;
  int numbers[THREADS], i;
  zc_page* page = zc_open();
  shared = zc_declare(page, "shared", "steps", ZC_TOTAL, NULL);
  signals = zc_declare(page, "signals", "signals", ZC_TOTAL, NULL);
  most = zc_declare(page, "most", "steps", ZC_GAUGE, NULL);
  spread = zc_declare_histogram(page, "spread", "steps", NULL);
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  sigaction(SIGUSR1, &action, NULL);
  for (i = 0; i < THREADS; ++i) {
    numbers[i] = i;
    if (pthread_create(&threads[i], NULL, work, &numbers[i]) != 0) return 1;
  }
  for (i = 0; i < THREADS; ++i) pthread_join(threads[i], NULL);
  zc_state(page, ZC_DONE);
  return 0;
}
