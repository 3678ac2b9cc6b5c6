/* A program that leaks, or does not, in one way: what the memory and the resources of a program are judged
 * by.
 *
 *     cc -O1 -pthread -o program benchmarks/calibrations/program.c
 *     zcbench run --duration 5m -- ./program leak
 *
 * leak: 20 bytes ten times a second. churnleak: 32 bytes likewise, beside 50 MB/s that are freed. churn,
 * clean: the same without a leak. mmap: 40 KiB a second stay mapped. fds, threads, zombies: one a second, or
 * each 5 s. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCKS = 512, MAPPED = 40960 };

static void* idle(void* unused) {
  pause();
  return unused;
}

static char* block(size_t size) {
  char* bytes = malloc(size);
  memset(bytes, 1, size);
  return bytes;
}

static void replace_one(char** blocks, size_t least, size_t more) {
  int which = rand() % BLOCKS;
  free(blocks[which]);
  blocks[which] = block(least + rand() % more);
}

int main(int count, char** words) {
  const char* mode = count > 1 ? words[1] : "clean";
  static char* blocks[BLOCKS];
  for (int i = 0; i < BLOCKS; i++) blocks[i] = block(4096);
  for (unsigned step = 0;; step++) {
    if (!strcmp(mode, "leak")) block(20);
    if (!strncmp(mode, "churn", 5))
      for (int i = 0; i < 5000; i++) replace_one(blocks, 512, 1024);
    if (!strcmp(mode, "churnleak")) block(32);
    if (!strcmp(mode, "clean")) replace_one(blocks, 16, 8000);
    if (!strcmp(mode, "mmap") && step % 10 == 0)
      memset(mmap(0, MAPPED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1, MAPPED);
    if (!strcmp(mode, "fds") && step % 10 == 0) eventfd(0, 0);
    if (!strcmp(mode, "threads") && step % 50 == 0) {
      pthread_t thread;
      pthread_create(&thread, 0, idle, 0);
      pthread_setname_np(thread, "pool-7");
    }
    if (!strcmp(mode, "zombies") && step % 50 == 0 && !fork()) _exit(0);
    usleep(100000);
  }
}
