"""Bugs that users write are named, and what is only unusual is never accused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.scenario import Scenario
from zcbench.verdict import judge

REAL = {"kind": "noise"}
UNPACED = {"kind": "noise", "unpaced": True}
Judged = Callable[..., Result]


@pytest.fixture
def judged(scenario: Callable[..., Scenario], record_of: Callable[[Scenario], Record]) -> Judged:
    def run(engine: str, **more: Any) -> Result:
        return judge(record_of(scenario(f"foreign_engines:{engine}", **{"every_s": 0.05, **more})))

    return run


@pytest.mark.parametrize(
    ("engine", "more"),
    [
        ("ThreadPool", {"duration_s": 3.0, "source": UNPACED}),
        ("SlowStart", {"duration_s": 1.0, "source": REAL}),
        ("Fives", {"duration_s": 1.5, "source": REAL}),
        ("NumpyNumbers", {"duration_s": 3.0, "source": UNPACED}),
        ("Planar", {"duration_s": 3.0, "source": UNPACED}),
        ("TidiesUp", {"duration_s": 1.0, "source": REAL}),
        ("Proxy", {"duration_s": 3.0, "source": UNPACED}),
        # 1 MiB a packet, and 1,500 packets a second
        ("NumpyNumbers", {"duration_s": 1.0, "source": {**REAL, "frames": 131_072, "rate": 1_000_000}}),
        ("Planar", {"duration_s": 1.0, "source": {**REAL, "frames": 32}}),
    ],
)  # fmt: skip
def test_a_sound_engine_of_unusual_shape_is_never_accused(
    judged: Judged, engine: str, more: dict[str, Any]
) -> None:
    result = judged(engine, **more)
    wrong = [f"{f.check}: {f.sentence}" for f in result.findings if f.outcome == "fail"]
    assert (wrong, result.verdict) == ([], "pass")


HELD = {"kind": "hold", "hold": 0.1}


@pytest.mark.parametrize(
    ("engine", "named", "more"),
    [
        ("Transposed", {("claims", "shape")}, {}),
        ("PreviousBlock", {("integrity", "stale")}, {}),
        ("LastSample", {("integrity", "corrupt_on_delivery")}, {}),
        ("Renumbers", {("delivery", "lost")}, {}),
        ("Twice", {("delivery", "surplus"), ("gaps", "duplicates")}, {}),
        ("StampsOfNow", {("timing", "stalls")}, {"duration_s": 11.0, "source": REAL, "every_s": 0.1}),
        ("OneBuffer", {("integrity", "aliased")}, {"duration_s": 1.0, "source": REAL, "consumer": HELD}),
        ("Leaves", {("life", "failed")}, {}),
        ("LeavesAtStop", {("life", "exited")}, {}),
        ("LeavesFiles", {("disk", "files")}, {}),
        ("Descriptors", {("resources", "fds")}, {}),
    ],
)  # fmt: skip
def test_a_bug_that_a_user_may_write_has_its_name_and_no_other(
    judged: Judged, engine: str, named: set[tuple[str, str]], more: dict[str, Any]
) -> None:
    result = judged(engine, **{"duration_s": 3.0, "source": UNPACED, **more})
    assert {(f.check, f.cause) for f in result.findings if f.outcome == "fail"} == named
    assert result.exit_code == (5 if ("life", "failed") in named or ("life", "exited") in named else 1)


def test_an_engine_that_counts_nothing_and_leaves_delivered_what_was_due_until_then(
    judged: Judged,
) -> None:
    result = judged("Leaves", duration_s=3.0, source=REAL)
    delivery = next(f for f in result.findings if f.check == "delivery")
    assert delivery.outcome == "pass" or "in a queue when" in delivery.sentence  # a busy machine
    assert "was not measured" not in delivery.sentence


def test_a_count_below_zero_is_told_by_its_name(judged: Judged) -> None:
    result = judged("ReturnsTwice", duration_s=3.0, source=UNPACED, hang_s=2.0)
    life = next(f for f in result.findings if f.check == "life")
    assert life.outcome == "fail"
    assert "pool.in_flight: -1 is no count, 0 or more" in life.sentence
