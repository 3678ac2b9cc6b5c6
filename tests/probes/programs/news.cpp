#include "scenes.h"

#include <memory>
#include <new>
#include <thread>
#include <vector>

struct alignas(128) Wide {
  char bytes[300];
};

struct Late {
  std::unique_ptr<std::vector<int>> content;
  ~Late() { content.reset(); }  // when its thread ends
};
static thread_local Late late;

int main() {
  std::thread([] { late.content = std::make_unique<std::vector<int>>(1000); }).join();
  stop();
  int *one = new int(1), *many = new int[1000], *quiet = new (std::nothrow) int[10];
  Wide* wide = new Wide;
  took(one), took(many), took(quiet), took(wide);
  stop();
  for (void* block : {(void*)one, (void*)many, (void*)quiet, (void*)wide})
    blocks -= 1, bytes -= (long)malloc_usable_size(block);
  delete one;
  delete[] many;
  delete[] quiet;
  delete wide;
  for (int i = 0; i < 100; ++i)
    std::thread([] { late.content = std::make_unique<std::vector<int>>(1000); }).join();
  stop();
}
