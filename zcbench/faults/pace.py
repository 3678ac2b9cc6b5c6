"""The runs that show planted faults: how long, how fast, how often sampled."""

from __future__ import annotations

from collections.abc import Mapping

# 1,000 packets in two seconds of wall time: ten times what the rarest quick fault (one packet in 100) needs.
# Five times real pace is a tenth of what the reference engine can do on one core.
QUICK: Mapping[str, str] = {"duration": "10s", "source.speed": "5", "sampling.every": "100ms"}

# A run that dies by packet 50 needs no more than this; the reader's poll of 250 ms is well below the hang.
DYING: Mapping[str, str] = {**QUICK, "limits.hang": "1s"}

# 30 s of wall time at ten times real pace. A 30-second run sees 1.5 KB/s (docs/verdict.md): the smallest
# leak planted for it is 100 objects of 32 bytes a second. Collections each second give every one of the
# trend's 12 blocks one or more.
GROWING_PACKETS = 30_000
GROWING: Mapping[str, str] = {
    "duration": "300s",
    "source.speed": "10",
    "sampling.every": "250ms",
    "gc.every": "1s",
}

# 20 s at real pace, 80 samples: 6 of them for each of the 12 blocks of a staircase.
STEADY_PACKETS = 2_000
STEADY: Mapping[str, str] = {"duration": "20s", "sampling.every": "250ms"}

# The issue's own window: five minutes at 100 packets/s.
FIVE_MINUTES: Mapping[str, str] = {"duration": "5m", "sampling.every": "1s"}
