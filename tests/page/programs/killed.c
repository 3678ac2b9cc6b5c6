/* Counts up to a number, and is killed by itself: what it counted is on the page. */
#include "zcpage.h"

#include <signal.h>

int main(void) {
  zc_counter steps = zc_declare(zc_open(), "steps", "steps", ZC_TOTAL, "main");
  int i;
  for (i = 0; i < 123457; ++i) zc_add(steps, 1);
  raise(SIGKILL);
  return 0;
}
