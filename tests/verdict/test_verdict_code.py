"""Code that V8 compiles for minutes is in its heap: it hides no leak, and is none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.records import Row
from tests.verdict.test_verdict_heaps import EVERY_S, LEAK, MIB, memory, node, settled

# What a healthy service gained between settled collections 12.5 s apart (Node 20): code, and all of its heap.
CODE = (
    8600,
    17648,
    0,
    5104,
    4104,
    0,
    736,
    5648,
    0,
    5920,
    1624,
    0,
    5824,
    0,
    0,
    0,
    2936,
    0,
    0,
    0,
    5920,
    1008,
    0,
    0,
)
HEAP = (
    *(11840, 25032, 64, 7296, 6424, 760, 432, 7848, -24, 8584, 3328, 1496),
    *(6008, 280, -16, 344, 3616, 192, -16, 1120, 6088, 1728, 0, 240),
)


def compiling(index: int, *, heap: int = 0, code: int = 0, beside: float = 0.0) -> Row:
    """A Node service whose code comes step by step. ``heap`` leaks, bytes a second, and so does ``code``, with
    ``beside`` times as much that belongs to it."""
    mark, at = index // EVERY_S, settled(index)
    return node(index) | {
        "v8.heap_bytes": 6 * MIB + sum(HEAP[:mark]) + int((heap + (1 + beside) * code) * at),
        "v8.code_bytes": 2 * MIB + sum(CODE[:mark]) + code * at,
    }


def test_a_leak_is_named_beside_code_that_is_compiled_for_minutes(tmp_path: Path) -> None:
    found = memory(tmp_path, lambda index: compiling(index, heap=LEAK))
    assert (found.outcome, found.cause) == ("fail", "runtime_heap"), found.sentence
    rate = re.search(r"in the V8 heap: V8 heap by (\d+) B/s", found.sentence)
    assert rate, found.sentence
    assert LEAK * 0.8 < int(rate[1]) < LEAK * 1.2, found.sentence


def test_a_healthy_service_passes_while_its_code_is_compiled(tmp_path: Path) -> None:
    found = memory(tmp_path, compiling)
    assert found.outcome == "pass", found.sentence
    assert found.detection_limit is not None


@pytest.mark.parametrize(
    ("beside", "outcome"),
    [
        (0.5, "inconclusive"),  # what V8 keeps for code that it optimises
        (3.0, "fail"),  # functions that are made ever anew: their scripts, closures and feedback besides
    ],
)
def test_functions_that_leak_are_told_from_code_that_is_optimised(
    tmp_path: Path, beside: float, outcome: str
) -> None:
    found = memory(tmp_path, lambda index: compiling(index, code=2 * LEAK, beside=beside))
    assert found.outcome == outcome, found.sentence
