// The half of first.c in C++, by its classes.
#include "zcpage.h"

extern "C" void second() {
  zcpage::Counter steps(zc_open(), "in.cpp", "steps", ZC_TOTAL, "main");
  ++steps;
  steps += 12;
  steps -= 1;
  --steps;
  zcpage::SharedCounter level(zc_open(), "level", "steps", ZC_GAUGE);
  level = 3;
  ++level;
  --level;
  level += 2;
  level -= 1;
  level.raise_to(9);
  if (level.get() != 9 || steps.get() != 11) std::abort();
}
