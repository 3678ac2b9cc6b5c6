"""The memory of a function that is read between its calls: what passes, what fails, what is no answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.records import Row, make_command_record
from zcbench.quantities.registry import VOCABULARY
from zcbench.record.capabilities import SubjectInfo
from zcbench.record.schema import Finding
from zcbench.verdict import judge
from zcbench.verdict.checks import MEMORY

CALLS_A_READING = 1_000
READINGS = 54
Series = Callable[[int], float]


def judged(
    folder: Path,
    small: Series,
    native: Series | None = lambda _: 0.0,
    *,
    readings: int = READINGS,
    stall: int = 99,
) -> tuple[Finding, str]:
    """The finding on memory, and the verdict; the machine stood still for 5 s before reading ``stall``."""

    def counts(index: int) -> Row:
        row: Row = {
            "elapsed_s": 2 * (index + 1) / readings + (5.0 if index >= stall else 0.0),
            "phase": 1,
            "calls.made": CALLS_A_READING * (index + 1),
            "python_small_bytes": 10**7 + round(small(index)),
            "allocated_blocks": 10**5,
            "gc.forced_collections": index + 1,
            "probe.cost_ns": 10**5 * (index + 1),
        }
        return row if native is None else row | {"native_heap_bytes": 10**7 + round(native(index))}

    subject = SubjectInfo(kind="call", title="module:function", capabilities=("rest",))
    record = make_command_record(
        folder,
        duration_s=2.0,
        rows=readings,
        subject=subject,
        counts=counts,
        brought=[VOCABULARY["calls.made"]],
    )
    result = judge(record)
    return next(one for one in result.findings if one.check == MEMORY.name), result.verdict


def test_what_rests_passes_and_says_what_would_have_been_seen(tmp_path: Path) -> None:
    finding, verdict = judged(tmp_path, lambda _: 0.0)
    assert (finding.outcome, verdict) == ("pass", "pass")
    assert finding.detection_limit == "smallest detectable leak: 0.0193 B a call"  # 1 KiB in 53,000 calls


def test_a_steady_leak_fails_whatever_the_machine_did(tmp_path: Path) -> None:
    finding, verdict = judged(tmp_path, lambda index: 112_000 * index, stall=20)
    assert (finding.outcome, finding.cause, verdict) == ("fail", "python_objects", "fail")
    assert finding.sentence.startswith("memory leaks, a call: small objects by 112 B; native heap, ")


def test_one_object_in_a_thousand_calls_is_a_leak(tmp_path: Path) -> None:
    finding, _ = judged(tmp_path, lambda index: 112 * index)
    assert finding.outcome == "fail"
    assert "small objects by 0.112 B" in finding.sentence


def test_a_leak_of_malloc_is_no_buffer_of_pythons(tmp_path: Path) -> None:
    finding, _ = judged(tmp_path, lambda index: 80 * (index % 2), lambda index: 112_000 * index)
    assert (finding.outcome, finding.cause) == ("fail", "native")


def _enlarged(index: int) -> float:
    """A list that one entry a call is added to: enlarged by an eighth at a time."""
    size = 1_000.0
    while size < CALLS_A_READING * (index + 3):
        size *= 1.125
    return 8 * size


@pytest.mark.parametrize(
    "series",
    [
        pytest.param(lambda index: 5_000.0 * (index // 12), id="leaps"),
        pytest.param(lambda index: 112_000.0 * index**0.5, id="fills still"),
        pytest.param(lambda index: 200_000.0 * (index > 50), id="a leap at the end"),
        pytest.param(lambda index: 200_000.0 * (index > 40), id="a late leap"),
        pytest.param(lambda index: 9_000.0 * (index % 3) + 200_000.0 * (index > 40), id="a late leap in noise"),
        pytest.param(_enlarged, id="a list"),
    ],
)
def test_what_does_not_come_to_rest_never_passes(series: Series, tmp_path: Path) -> None:
    finding, verdict = judged(tmp_path, lambda _: 0.0, series)
    assert finding.outcome in ("inconclusive", "fail")
    assert finding.required
    assert verdict != "pass"


@pytest.mark.parametrize(
    "series",
    [
        pytest.param(lambda index: 112_000.0 * min(index, 25), id="a cache that is full at the half"),
        pytest.param(lambda index: 300_000.0 * (index > 10), id="an import, once"),
        pytest.param(lambda index: 3_000.0 * (index * 7 % 5), id="up and down"),
        pytest.param(lambda index: -400.0 * index, id="falls"),
        pytest.param(lambda index: 16.0 * index, id="the harness's own"),
    ],
)
def test_what_is_no_leak_passes(series: Series, tmp_path: Path) -> None:
    finding, verdict = judged(tmp_path, series, series)
    assert (finding.outcome, verdict) == ("pass", "pass"), finding.sentence


def test_what_falls_may_hide_a_leak_and_says_so(tmp_path: Path) -> None:
    finding, _ = judged(tmp_path, lambda index: -30_000.0 * index)
    limit = (finding.detection_limit or "").removeprefix("smallest detectable leak: ").removesuffix(" B a call")
    assert float(limit) >= 30


def test_too_few_readings_are_no_answer(tmp_path: Path) -> None:
    finding, verdict = judged(tmp_path, lambda _: 0.0, readings=5)
    assert (finding.outcome, verdict) == ("inconclusive", "inconclusive")
    assert "5 readings are too few" in finding.sentence


def test_a_counter_that_is_missing_is_no_answer(tmp_path: Path) -> None:
    finding, verdict = judged(tmp_path, lambda _: 0.0, None)
    assert (finding.outcome, verdict) == ("inconclusive", "inconclusive")
    assert "native heap was not measured" in finding.sentence
