// Programs that do what is hard to count, and say what they have live. A scene stops where it knows: it
// writes "PID BLOCKS BYTES" on stdout, changes since its first stop, and goes on when it gets a byte on
// stdin.
#pragma once
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long blocks, bytes;  // since the first stop

static void stop(void) {
  char line[80];  // no stdio: it allocates
  int size = snprintf(line, sizeof line, "%d %ld %ld\n", (int)getpid(), blocks, bytes);
  if (write(1, line, (size_t)size) != size) _exit(3);
  char go;
  if (read(0, &go, 1) != 1) _exit(4);
}

static void* took(void* block) {
  if (!block) _exit(5);
  ++blocks;
  bytes += (long)malloc_usable_size(block);
  return block;
}

static void gave(void* block) {
  --blocks;
  bytes -= (long)malloc_usable_size(block);
  free(block);
}
