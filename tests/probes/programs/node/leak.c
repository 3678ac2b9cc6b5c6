// An add-on of Node's that leaks: require("./leak.node").leak(bytes) asks malloc for them, and forgets them.
// The four functions of Node-API that it uses are declared here: no headers of Node's are needed.
// gcc -O1 -shared -fPIC leak.c -o leak.node
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef void *napi_env, *napi_value, *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);
int napi_create_function(napi_env, const char*, size_t, napi_callback, void*, napi_value*);
int napi_set_named_property(napi_env, napi_value, const char*, napi_value);
int napi_get_cb_info(napi_env, napi_callback_info, size_t*, napi_value*, napi_value*, void**);
int napi_get_value_uint32(napi_env, napi_value, unsigned*);

static napi_value leak(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument = NULL;
  unsigned bytes = 0;
  napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
  napi_get_value_uint32(env, argument, &bytes);
  void* volatile lost = malloc(bytes);
  if (lost) memset(lost, 1, bytes);
  return NULL;
}

napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  napi_value function = NULL;
  napi_create_function(env, "leak", 4, leak, NULL, &function);
  napi_set_named_property(env, exports, "leak", function);
  return exports;
}
