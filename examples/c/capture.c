/* A capture loop in C with a small pool, which publishes what it counts on the page of its run.
 *
 *   cc -O2 -I"$(zcbench include)" capture.c -o capture
 *   zcbench run soak.toml
 *
 * Each tick takes a slot, fills it, delivers it, and gives back what has been held for long enough.
 * SIGTERM, or the end of --seconds, drains the pool. --lose-every 50 forgets to give back one slot in 50.
 */
#define _POSIX_C_SOURCE 200809L
#include "zcpage.h"

#include <signal.h>
#include <time.h>

enum { SLOTS = 100, BLOCK_BYTES = 3840 };

static volatile sig_atomic_t stopped;
static void on_signal(int number) { stopped = number; }

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* What is counted: by this one thread, so plain stores do. The names are those of zcbench's own engine. */
typedef struct counters {
  zc_counter captured, drops, hits, misses, refused, returns, in_flight, high_water, delivered, received,
      last;
  zc_histogram hold;
} counters;

static counters declare(zc_page* page) {
  const char* me = "capture";
  counters c;
  c.captured = zc_declare(page, "engine.captured", "packets", ZC_TOTAL, me);
  c.drops = zc_declare(page, "engine.drops", "packets", ZC_TOTAL, me);
  c.hits = zc_declare(page, "pool.hits", "acquires", ZC_TOTAL, me);
  c.misses = zc_declare(page, "pool.misses", "acquires", ZC_TOTAL, me);
  c.refused = zc_declare(page, "pool.refused", "acquires", ZC_TOTAL, me);
  c.returns = zc_declare(page, "pool.returns", "returns", ZC_TOTAL, me);
  c.in_flight = zc_declare(page, "pool.in_flight", "leases", ZC_GAUGE, me);
  c.high_water = zc_declare(page, "pool.high_water", "leases", ZC_GAUGE, me);
  c.delivered = zc_declare(page, "engine.delivered", "packets", ZC_TOTAL, me);
  c.received = zc_declare(page, "consumer.received", "packets", ZC_TOTAL, me);
  c.last = zc_declare(page, "consumer.last_sequence", "sequence", ZC_GAUGE, me);
  c.hold = zc_declare_histogram(page, "hold_ns", "ns", me);
  zc_set(zc_declare(page, "pool.slots", "slots", ZC_CONSTANT, me), SLOTS);
  zc_set(c.in_flight, 0);
  zc_set(c.high_water, 0);
  zc_law(page, "engine.captured == pool.hits + pool.misses");
  zc_law(page, "engine.captured == pool.returns + pool.in_flight + pool.refused");
  return c;
}

int main(int count, char** arguments) {
  double seconds = 0, rate = 100, hold_ms = 30;
  long lose_every = 0, sequence = 0, lost = 0;
  unsigned char* slab = malloc((size_t)SLOTS * BLOCK_BYTES);
  int64_t taken_ns[SLOTS], start = now_ns();
  int held[SLOTS], oldest = 0, in_flight = 0, i;
  struct sigaction action;
  zc_page* page = zc_open();
  counters c = declare(page);

  for (i = 1; i + 1 < count; i += 2) {
    const double value = atof(arguments[i + 1]);
    if (strcmp(arguments[i], "--seconds") == 0) seconds = value;
    if (strcmp(arguments[i], "--rate") == 0) rate = value;
    if (strcmp(arguments[i], "--hold-ms") == 0) hold_ms = value;
    if (strcmp(arguments[i], "--lose-every") == 0) lose_every = (long)value;
  }
  if (!slab) return 1;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  zc_state(page, ZC_READY);

  while (!stopped && (seconds <= 0 || (double)(now_ns() - start) < seconds * 1e9)) {
    const int64_t due = start + (int64_t)((double)++sequence / rate * 1e9);
    const int64_t now = now_ns();
    struct timespec until;
    zc_add(c.captured, 1);
    if (in_flight + lost < SLOTS) { /* a free slot: slots go round in order */
      const int slot = (oldest + in_flight) % SLOTS;
      memset(slab + (size_t)slot * BLOCK_BYTES, (int)(sequence & 0xff), BLOCK_BYTES);
      taken_ns[slot] = now;
      held[slot] = !(lose_every && sequence % lose_every == 0);
      zc_add(c.hits, 1);
      zc_add(c.in_flight, 1);
      if (++in_flight + lost > zc_get(c.high_water)) zc_set(c.high_water, in_flight + lost);
      zc_add(c.delivered, 1);
      zc_set(c.last, sequence);
      zc_add(c.received, 1);
    } else {
      zc_add(c.misses, 1);
      zc_add(c.refused, 1);
      zc_add(c.drops, 1);
    }
    while (in_flight && (double)(now - taken_ns[oldest]) >= hold_ms * 1e6) {
      if (held[oldest]) { /* one that is lost stays in flight for ever */
        zc_record(c.hold, now - taken_ns[oldest]);
        zc_add(c.in_flight, -1);
        zc_add(c.returns, 1);
      } else {
        ++lost;
      }
      oldest = (oldest + 1) % SLOTS;
      --in_flight;
    }
    until.tv_sec = (time_t)(due / 1000000000);
    until.tv_nsec = (long)(due % 1000000000);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
  }

  zc_state(page, ZC_DRAINING);
  for (; in_flight; --in_flight, oldest = (oldest + 1) % SLOTS) {
    if (!held[oldest]) continue;
    zc_add(c.in_flight, -1);
    zc_add(c.returns, 1);
  }
  free(slab);
  zc_state(page, ZC_DONE);
  return 0;
}
