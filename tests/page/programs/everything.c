/* Does all that zcpage.h offers, once; prints the layout as its structures have it. */
#include <stdio.h>
/* Last, and under -std=c11: the header must not lean on what others define before it. */
#include "zcpage.h"

#define SHOW(type, field) printf("%s.%s %u\n", #type, #field, (unsigned)offsetof(type, field))

static void layout(void) {
  SHOW(zc_page, version);
  SHOW(zc_page, entry_bytes);
  SHOW(zc_page, file_bytes);
  SHOW(zc_page, generation);
  SHOW(zc_page, table_at);
  SHOW(zc_page, capacity);
  SHOW(zc_page, declared);
  SHOW(zc_page, laws_at);
  SHOW(zc_page, laws_bytes);
  SHOW(zc_page, laws_used);
  SHOW(zc_page, data_at);
  SHOW(zc_page, data_bytes);
  SHOW(zc_page, data_used);
  SHOW(zc_page, buckets);
  SHOW(zc_page, pid);
  SHOW(zc_page, started_ns);
  SHOW(zc_page, lock);
  SHOW(zc_page, refused);
  SHOW(zc_page, heartbeat);
  SHOW(zc_page, state);
  SHOW(zc_page, generation_again);
  SHOW(zc_entry, name);
  SHOW(zc_entry, unit);
  SHOW(zc_entry, writer);
  SHOW(zc_entry, kind);
  SHOW(zc_entry, offset);
}

static void buckets(void) {
  int64_t value;
  for (value = -1; value < INT64_MAX / 3; value += 1 + value / 7)
    printf("%lld %u\n", (long long)value, zc_bucket(value));
  printf("%lld %u\n", (long long)INT64_MAX, zc_bucket(INT64_MAX));
}

int main(int count, char** arguments) {
  zc_page* page = zc_open();
  zc_counter hits, misses, slots, in_flight, most, unset;
  zc_histogram hold, shared;
  int i;
  if (count > 1 && strcmp(arguments[1], "layout") == 0) return layout(), 0;
  if (count > 1 && strcmp(arguments[1], "buckets") == 0) return buckets(), 0;
  hits = zc_declare(page, "pool.hits", "acquires", ZC_TOTAL, "producer");
  misses = zc_declare(page, "pool.misses", "acquires", ZC_TOTAL, "producer");
  slots = zc_declare(page, "pool.slots", "slots", ZC_CONSTANT, NULL);
  in_flight = zc_declare(page, "pool.in_flight", "leases", ZC_GAUGE, NULL);
  most = zc_declare(page, "pool.high_water", "leases", ZC_GAUGE, NULL);
  unset = zc_declare(page, "pool.oldest_lease_ns", "ns", ZC_GAUGE, "prober");
  hold = zc_declare_histogram(page, "hold_ns", "ns", "consumer");
  shared = zc_declare_histogram(page, "delivery_ns", "ns", NULL);
  zc_law(page, "pool.captured == pool.hits + pool.misses");
  zc_law(page, "two\nlines");
  zc_declare(page, "pool.hits", "acquires", ZC_GAUGE, "producer"); /* another kind: refused */
  zc_declare(page, "no name", "x", ZC_TOTAL, NULL);
  zc_declare(page, ".no.name", "x", ZC_TOTAL, NULL);
  zc_declare(page, NULL, "x", ZC_TOTAL, NULL);
  zc_set(slots, 16);
  for (i = 0; i < 10; ++i) {
    zc_add(hits, 1);
    zc_add_shared(in_flight, 3); /* never set: from 0 */
    zc_raise_shared(most, i < 5 ? i : 0);
    zc_record(hold, i * 1000);
    zc_record_shared(shared, i * 1000);
  }
  zc_record(hold, -5);
  zc_add_shared(in_flight, -31); /* below zero shows as what it is */
  zc_add(misses, 2);
  zc_beat(page);
  zc_state(page, ZC_DRAINING);
  printf("%lld %lld %d %s\n", (long long)zc_get(in_flight), (long long)zc_get(most),
         zc_get(unset) == ZC_UNSET, zc_problem() ? zc_problem() : "page");
  return 0;
}
