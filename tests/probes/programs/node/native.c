// An add-on of Node's in three ways wrong, by what is called:
//   leak(bytes)      asks malloc for them, and forgets them
//   foreign(bytes)   an ArrayBuffer over native memory, freed by its finalizer: who keeps it keeps them
//   take()           a packet of a pool of 10 slots, without the event loop; its finalizer returns the slot
// The functions of Node-API that it uses are declared here: no headers of Node's are needed.
// gcc -O1 -shared -fPIC -I include native.c -o native.node
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "zcpage.h"

typedef void *napi_env, *napi_value, *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);
typedef void (*napi_finalize)(napi_env, void*, void*);
int napi_create_function(napi_env, const char*, size_t, napi_callback, void*, napi_value*);
int napi_set_named_property(napi_env, napi_value, const char*, napi_value);
int napi_get_cb_info(napi_env, napi_callback_info, size_t*, napi_value*, napi_value*, void**);
int napi_get_value_uint32(napi_env, napi_value, unsigned*);
int napi_create_external_arraybuffer(napi_env, void*, size_t, napi_finalize, void*, napi_value*);

enum { SLOTS = 10, SLOT_BYTES = 3840 };

static unsigned bytes_of(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument = NULL;
  unsigned bytes = 0;
  napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
  napi_get_value_uint32(env, argument, &bytes);
  return bytes;
}

static napi_value leak(napi_env env, napi_callback_info info) {
  const unsigned bytes = bytes_of(env, info);
  void* volatile lost = malloc(bytes);
  if (lost) memset(lost, 1, bytes);
  return NULL;
}

static void release_memory(napi_env env, void* memory, void* hint) {
  (void)env;
  (void)hint;
  free(memory);
}

static napi_value foreign(napi_env env, napi_callback_info info) {
  const unsigned bytes = bytes_of(env, info);
  napi_value buffer = NULL;
  void* memory = calloc(1, bytes);
  if (memory) napi_create_external_arraybuffer(env, memory, bytes, release_memory, NULL, &buffer);
  return buffer;
}

// ---- The pool. All of it runs on the thread of the event loop.

static char slab[SLOTS][SLOT_BYTES];
static int is_free[SLOTS];
static zc_counter captured, delivered, received, hits, misses, returns, in_flight;

static void start(void) {
  zc_page* page = zc_open();
  captured = zc_declare(page, "engine.captured", "packets", ZC_TOTAL, "main");
  delivered = zc_declare(page, "engine.delivered", "packets", ZC_TOTAL, "main");
  received = zc_declare(page, "consumer.received", "packets", ZC_TOTAL, "main");
  hits = zc_declare(page, "pool.hits", "acquires", ZC_TOTAL, "main");
  misses = zc_declare(page, "pool.misses", "acquires", ZC_TOTAL, "main");
  returns = zc_declare(page, "pool.returns", "returns", ZC_TOTAL, "main");
  in_flight = zc_declare(page, "pool.in_flight", "leases", ZC_GAUGE, "main");
  zc_set(zc_declare(page, "pool.slots", "slots", ZC_CONSTANT, "main"), SLOTS);
  for (int slot = 0; slot < SLOTS; ++slot) is_free[slot] = 1;
  zc_state(page, ZC_READY);
}

static void return_slot(napi_env env, void* memory, void* hint) {
  (void)env;
  if (hint) {
    *(int*)hint = 1;
  } else {
    free(memory);
  }
  zc_add(in_flight, -1);
  zc_add(returns, 1);
}

static napi_value take(napi_env env, napi_callback_info info) {
  (void)info;
  static int is_started = 0;
  if (!is_started) start();
  is_started = 1;
  int* hint = NULL;
  void* memory = NULL;
  for (int slot = 0; slot < SLOTS && !hint; ++slot) {
    if (!is_free[slot]) continue;
    is_free[slot] = 0;
    hint = &is_free[slot];
    memory = slab[slot];
  }
  zc_add(hint ? hits : misses, 1);
  if (!memory) memory = malloc(SLOT_BYTES);
  napi_value packet = NULL;
  napi_create_external_arraybuffer(env, memory, SLOT_BYTES, return_slot, hint, &packet);
  zc_add(in_flight, 1);
  zc_add(captured, 1);
  zc_add(delivered, 1);
  zc_add(received, 1);
  return packet;
}

static void add(napi_env env, napi_value exports, const char* name, napi_callback call) {
  napi_value function = NULL;
  napi_create_function(env, name, strlen(name), call, NULL, &function);
  napi_set_named_property(env, exports, name, function);
}

napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  add(env, exports, "leak", leak);
  add(env, exports, "foreign", foreign);
  add(env, exports, "take", take);
  return exports;
}
