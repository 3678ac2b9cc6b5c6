"""A word that nobody writes is not measured; a zero beside what was counted is a zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zcbench.quantities.registry import ON_SCOREBOARD, STANDARD
from zcbench.record.schema import Event, EventKind
from zcbench.record.written import unwritten

RECEIVED = {"consumer.received": 600, "consumer.released": 600}
POOL = {"pool.slots": 10, "pool.hits": 600, "pool.returns": 600, "pool.high_water": 3}


def of(page: dict[str, int], rows: dict[str, list[float]] | None = None, **told: Any) -> frozenset[str]:
    """The words not written, of an engine that left ``page`` and ``rows`` of samples."""
    samples = {one.name: np.zeros(3) for one in STANDARD.sampled}
    samples |= {name: np.array(values) for name, values in (rows or {}).items()}
    whole = {metric.name: 0 for metric in ON_SCOREBOARD} | RECEIVED | page
    data = {"counts_everything": False, "named": [], **told}
    return unwritten(samples, whole, [Event(elapsed_s=0, kind=EventKind.ENGINE, message="", data=data)])


def test_who_counts_nothing_writes_nothing() -> None:
    left = of({})
    assert {
        "engine.captured",
        "engine.delivered",
        "engine.drops",
        "pool.hits",
        "pool.slots",
    } <= left
    assert not any(name.startswith("consumer.") for name in left)


def test_an_older_record_does_not_tell_and_is_taken_at_its_word() -> None:
    samples = {one.name: np.zeros(3) for one in STANDARD.sampled}
    assert unwritten(samples, {m.name: 0 for m in ON_SCOREBOARD} | RECEIVED, []) == frozenset()


@pytest.mark.parametrize(
    ("word", "page"),
    [
        ("engine.drops", {"engine.captured": 600}),
        ("pool.misses", {"pool.hits": 600}),
        ("pool.hits", {"pool.misses": 600}),
        ("pool.refused", {"pool.hits": 600}),
        ("pool.overflow_allocations", {"pool.hits": 600, "pool.misses": 4, "pool.refused": 4}),
        ("pool.in_flight", POOL),
        ("engine.queued", {"engine.captured": 600}),
        # never a return: whatever was handed out is still out
        ("pool.returns", {"engine.captured": 600, "pool.in_flight": 600, "pool.hits": 600}),
    ],
)
def test_a_zero_beside_what_was_counted_is_a_zero(word: str, page: dict[str, int]) -> None:
    assert word in of({})
    assert word not in of(page)


@pytest.mark.parametrize(
    ("word", "page", "rows"),
    [
        # the consumer held ten, and the engine says that none was in flight
        ("pool.in_flight", POOL, {"consumer.received": [20, 30, 40], "consumer.released": [10, 20, 30]}),
        ("engine.queued", {"engine.captured": 600},
         {"engine.captured": [9, 20, 30], "engine.delivered": [0, 10, 20]}),
        # misses that became nothing
        ("pool.refused", {"pool.hits": 590, "pool.misses": 10}, {}),
        ("pool.returns", {"engine.captured": 600, "pool.high_water": 4}, {"pool.in_flight": [2, 3, 0]}),
    ],
)  # fmt: skip
def test_a_zero_that_what_stands_beside_it_contradicts_was_not_written(
    word: str, page: dict[str, int], rows: dict[str, list[float]]
) -> None:
    assert word in of(page, rows)


def test_what_is_written_by_its_name_or_by_an_engine_that_counts_everything_is_written() -> None:
    assert "pool.misses" not in of({}, named=["pool.misses"])
    assert of({"engine.captured": 600}, counts_everything=True) == frozenset()
    # unless it passes by what it inherits, and nothing at all was counted
    assert "engine.captured" in of({}, counts_everything=True)
