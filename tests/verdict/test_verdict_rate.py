"""A clock that is off is told apart from packets that were lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tests.records import Row, make_record, scenario
from zcbench.analysis.totals import totals
from zcbench.record.schema import End, Ending, Finding
from zcbench.scenario import SourceTable
from zcbench.verdict.checks import delivery, rate

SECONDS = 900


def judged(tmp_path: Path, captured: Callable[[float], int], **story: object) -> Finding:
    """Of a run of 15 minutes whose counter stood at ``captured(seconds into the stream)``."""

    def bend(index: int, row: Row) -> None:
        if row["phase"] == 1:
            row["engine.captured"] = captured(index + 1.0)

    record = make_record(tmp_path / "run", scenario(duration_s=SECONDS), rows=SECONDS, bend=bend, **story)
    return rate.CHECK.ask(record, totals(record))


def test_a_stream_at_its_rate_passes_and_says_what_it_could_have_seen(tmp_path: Path) -> None:
    # given a stream at its nominal rate
    found = judged(tmp_path, lambda s: int(s * 100))
    # then it passes, with its detection limit
    assert found.outcome == "pass"
    assert "within 100 ppm" in found.sentence
    assert "smallest detectable drift: " in (found.detection_limit or "")
    assert abs(found.evidence["drift_ppm"]) < 1


@pytest.mark.parametrize(("ppm", "words"), [(-200, "72 packets an hour short"), (200, "too many")])
def test_a_clock_that_is_off_is_named_with_packets_an_hour(tmp_path: Path, ppm: int, words: str) -> None:
    # given a replay whose clock is off by 200 ppm, and which delivers every packet all the same
    found = judged(tmp_path, lambda s: int(s * 100 * (1 + ppm / 1e6)))
    # then the clock is what is wrong
    assert (found.outcome, found.cause) == ("fail", "clock_drift")
    assert words in found.sentence
    assert "no packet was lost" in found.sentence
    assert found.evidence["drift_ppm"] == pytest.approx(ppm, abs=5)


def test_packets_lost_at_a_moment_are_not_called_a_clock(tmp_path: Path) -> None:
    # given 300 packets lost at five moments, and the counters of a run that lost none
    found = judged(tmp_path, lambda s: int(s * 100) - 60 * sum(s > 150 * k for k in range(1, 6)))
    assert found.outcome == "inconclusive"
    assert "do not lie on one line" in found.sentence


def test_a_replay_that_ended_short_lost_packets_and_no_time(tmp_path: Path) -> None:
    # given a slope of -2,000 ppm, and as many packets missing at the end of a finished replay
    missing = round(SECONDS * 100 * 0.002)
    found = judged(
        tmp_path,
        lambda s: int(s * 100 * 0.998),
        counters={"engine.delivered": SECONDS * 100 - missing},
    )
    assert found.outcome == "inconclusive"
    assert "see delivery" in (found.remedy or "")


def test_a_short_run_says_how_long_to_run_and_holds_nothing_up(tmp_path: Path) -> None:
    # given half a minute
    record = make_record(tmp_path / "run")
    found = rate.CHECK.ask(record, totals(record))
    # then 100 ppm cannot be seen, which makes no verdict inconclusive
    assert (found.outcome, found.required) == ("inconclusive", False)
    assert "run for 5 min" in (found.remedy or "")


def test_an_unpaced_stream_is_not_asked(tmp_path: Path) -> None:
    plan = msgspec.structs.replace(scenario(), source=SourceTable(kind="tone", unpaced=True))
    record = make_record(tmp_path / "run", plan)
    found = rate.CHECK.ask(record, totals(record))
    assert found.outcome == "skipped"
    assert "as fast as the application reads" in found.sentence


def test_what_a_slow_clock_owes_is_not_called_lost_when_the_run_was_cut_off(tmp_path: Path) -> None:
    # given a run of 15 minutes at -200 ppm, interrupted at its end: 18 packets short of the time
    def bend(index: int, row: Row) -> None:
        captured = int((index + 1) * 100 * (1 - 200e-6))
        row |= {
            "due": (index + 1) * 100,
            "engine.captured": captured,
            "engine.delivered": captured,
            "engine.queued": 0,
        }

    end = End(ending=Ending.INTERRUPTED, elapsed_s=SECONDS, received=90_000)
    record = make_record(
        tmp_path / "run", scenario(duration_s=1000), packets=90_000, rows=SECONDS,
        bend=bend, ending=end, board=False,
    )  # fmt: skip
    # then the rate names the clock, and delivery takes its word for them
    assert rate.CHECK.ask(record, totals(record)).cause == "clock_drift"
    found = delivery.CHECK.ask(record, totals(record))
    assert found.outcome == "pass"
    assert "a clock that is off (see rate)" in found.sentence
