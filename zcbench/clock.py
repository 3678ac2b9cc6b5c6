"""The one clock of every timestamp, shared by Python and the native core (``_core/clock.hpp``)."""

from __future__ import annotations

import sys
import time

# On Windows time.monotonic_ns() steps by 15.6 ms before Python 3.13, and is not C++'s steady_clock, which is
# the performance counter. Elsewhere the two are one clock.
now_ns = time.perf_counter_ns if sys.platform == "win32" else time.monotonic_ns
