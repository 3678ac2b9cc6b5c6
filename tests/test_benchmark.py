"""The benchmark of the hand-over keeps its promise."""

from __future__ import annotations

import runpy
import statistics
from pathlib import Path

HANDOVER = Path(__file__).parents[1] / "benchmarks" / "handover.py"


def test_handing_over_a_packet_costs_less_than_half_of_a_copy() -> None:
    measure = runpy.run_path(str(HANDOVER))["measure"]
    pairs = measure(rounds=40)
    assert statistics.median(zero / copied for zero, copied in pairs) < 0.5
