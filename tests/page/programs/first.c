/* One half of a program: C. The other half is in C++; both are on one page. */
#include "zcpage.h"

void second(void);

int main(void) {
  zc_add(zc_declare(zc_open(), "in.c", "steps", ZC_TOTAL, NULL), 1);
  second();
  return zc_get(zc_declare(zc_open(), "in.cpp", "steps", ZC_TOTAL, NULL)) == 11 ? 0 : 1;
}
