// Takes 8 MiB of its own allocator, gives half of it back, and says so at each stop. ALLOCATE and GIVE_BACK
// say how. With an argument a forked child does, of a parent that waits.
#include <sys/wait.h>
#include <cstdlib>
#include <new>

#ifndef ALLOCATE
#define ALLOCATE malloc
#define GIVE_BACK free
#endif
extern "C" void* ALLOCATE(size_t);
extern "C" void GIVE_BACK(void*);

#ifdef WITH_NEW
#define TAKE(size) new char[size]
#define GIVE(block) delete[] block
#else
#define TAKE(size) static_cast<char*>(ALLOCATE(size))
#define GIVE(block) GIVE_BACK(block)
#endif

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void stop(long bytes) {
  char line[80];
  int size = snprintf(line, sizeof line, "%d 0 %ld\n", (int)getpid(), bytes);
  char go;
  if (write(1, line, (size_t)size) != size || read(0, &go, 1) != 1) _exit(4);
}

int main(int count, char**) {
  static char* blocks[128];
  stop(0);
  if (count > 1 && fork() != 0) {
    wait(nullptr);
    return 0;
  }
  for (char*& block : blocks) memset(block = TAKE(65536), 1, 65536);
  stop(8 << 20);
  for (int i = 0; i < 64; ++i) GIVE(blocks[i]);
  stop(4 << 20);
  return 0;
}
