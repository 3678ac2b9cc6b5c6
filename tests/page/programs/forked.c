/* Forks three children: one counts and ends, one asks for a page of its own, one forks again and does. */
#include "zcpage.h"

#include <sys/wait.h>

static zc_counter steps, level;

static int child(int opens, int deeper) {
  pid_t pid = fork();
  int status = 0;
  if (pid != 0) {
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
  }
  zc_add(steps, 1000); /* in the child's own memory */
  if (zc_get(level) != ZC_UNSET) _exit(3);
  if (deeper) _exit(child(1, 0));
  if (opens) {
    zc_page* page = zc_open();
    if (zc_problem()) _exit(4);
    zc_add(steps, 7);
    zc_set(zc_declare(page, "child.pid", "pid", ZC_CONSTANT, NULL), (int64_t)getpid());
    zc_state(page, ZC_DONE);
  }
  _exit(0);
}

int main(void) {
  zc_page* page = zc_open();
  int failed;
  steps = zc_declare(page, "steps", "steps", ZC_TOTAL, "main");
  level = zc_declare(page, "level", "steps", ZC_GAUGE, "main");
  zc_law(page, "steps >= 0");
  zc_add(steps, 1);
  zc_set(level, 5);
  failed = child(0, 0) + child(1, 0) + child(1, 1);
  zc_add(steps, 1);
  return failed;
}
