// Reads a block after it freed it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
  unsigned char* volatile block = malloc(64);
  memset(block, 1, 64);
  free(block);
  printf("%d\n", block[40]);
}
