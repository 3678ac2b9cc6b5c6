"""Packets that are missing: by which name, and when; and order."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.records import Row, make_record, scenario, write_record
from zcbench.analysis.totals import totals
from zcbench.page.scoreboard import Scoreboard
from zcbench.record.reader import read_record
from zcbench.record.schema import SCOREBOARD_FILE, End, Ending, Finding, Phase
from zcbench.scenario import SourceTable
from zcbench.verdict.checks import delivery, gaps


def judged(tmp_path: Path, **story: object) -> Finding:
    record = make_record(tmp_path / "run", **story)
    return delivery.CHECK.ask(record, totals(record))


def test_a_pass_says_what_loss_it_could_have_seen_in_all_and_by_window(tmp_path: Path) -> None:
    found = judged(tmp_path)
    assert found.outcome == "pass"
    assert "smallest detectable loss: 1 packet" in (found.detection_limit or "")
    assert "in each of 10 windows, one of 13 would have been placed" in (found.detection_limit or "")


@pytest.mark.parametrize(
    ("counters", "cause"),
    [
        ({"engine.delivered": 2937}, "lost"),
        ({"engine.delivered": 2937, "engine.drops": 63}, "dropped"),
        ({"engine.delivered": 2937, "engine.drops": 3}, "lost"),
        ({"engine.delivered": 2937, "engine.drops": 60}, "dropped"),  # the larger share
        ({"engine.delivered": 3001, "engine.captured": 3001, "consumer.received": 3001}, "surplus"),
        ({"engine.delivered": 6000}, "counters_disagree"),  # nobody took the other 3,000
    ],
)
def test_the_cause_is_who_knows_of_the_missing_ones(
    tmp_path: Path, counters: dict[str, int], cause: str
) -> None:
    found = judged(tmp_path, counters=counters)
    assert (found.outcome, found.cause) == ("fail", cause)


@pytest.mark.parametrize(
    ("counters", "words"),
    [
        # all captured, and 63 of them gone on their way
        ({"engine.delivered": 2937}, "63 were captured, and neither dropped nor delivered"),
        ({"engine.delivered": 2937, "engine.captured": 2937}, "63 were never captured"),
        ({"engine.delivered": 2937, "engine.captured": 2990}, "53 were captured, and neither"),
        # three lost, one came twice: what came twice fills no hole
        (
            {"engine.delivered": 2998, "consumer.missing": 3, "consumer.duplicates": 1},
            "3 are missing",
        ),
        ({"consumer.missing": 3, "consumer.duplicates": 3}, "3 are missing"),
        ({"engine.delivered": 6000}, "it counts packets more than once"),
    ],
)
def test_a_loss_is_placed_where_its_largest_share_went(
    tmp_path: Path, counters: dict[str, int], words: str
) -> None:
    found = judged(tmp_path, counters=counters)
    assert found.outcome == "fail"
    assert words in found.sentence


def test_a_drop_counted_while_an_interrupted_stream_ran_fails(tmp_path: Path) -> None:
    # given a run that the user ended, and three drops in the middle of it
    def bend(index: int, row: Row) -> None:
        row["engine.drops"] = 3 if index > 10 else 0

    end = End(ending=Ending.INTERRUPTED, elapsed_s=20.0)
    found = judged(tmp_path, bend=bend, ending=end)
    assert (found.outcome, found.cause) == ("fail", "dropped")


def test_a_loss_is_given_its_time(tmp_path: Path) -> None:
    # given 63 packets lost at once in the second minute of two
    def bend(index: int, row: Row) -> None:
        missing = 63 if index >= 75 else 0
        row |= {"due": (index + 1) * 100, "engine.delivered": (index + 1) * 100 - missing}

    found = judged(
        tmp_path, plan=scenario(duration_s=120), rows=120, bend=bend,
        counters={"engine.delivered": 12_000 - 63},
    )  # fmt: skip
    assert "63 are missing" in found.sentence
    assert "63 of them between 1:10 and 1:20" in found.sentence


def test_a_loss_all_along_is_called_that(tmp_path: Path) -> None:
    # given one packet in five lost all along
    def bend(index: int, row: Row) -> None:
        row |= {"due": (index + 1) * 100, "engine.delivered": (index + 1) * 80}

    found = judged(
        tmp_path, plan=scenario(duration_s=120), rows=120, bend=bend,
        counters={"engine.delivered": 9600},
    )  # fmt: skip
    assert "it is spread over the whole run" in found.sentence


def test_a_stretch_without_packets_that_was_made_good_is_named_and_passes(tmp_path: Path) -> None:
    # given no packets for five seconds, all of them delivered after that
    def bend(index: int, row: Row) -> None:
        behind = 100 * (index - 60) if 60 < index < 66 else 0
        row |= {"due": (index + 1) * 100, "engine.delivered": (index + 1) * 100 - behind}

    found = judged(tmp_path, plan=scenario(duration_s=120), rows=120, bend=bend)
    assert found.outcome == "pass"
    assert "between 1:00 and 1:10 it was up to 500 packets behind, and made them good" in (found.sentence)


def test_a_drop_that_a_device_admits_to_is_no_matter_of_its_clock(tmp_path: Path) -> None:
    # given a device whose tolerance is 12 packets, and an engine that counts three drops
    plan = scenario(duration_s=30)
    plan = type(plan)(name="device", duration=plan.duration, source=SourceTable(kind="device"))
    sound = judged(tmp_path / "a", plan=plan, counters={"engine.delivered": 2997})
    dropping = judged(tmp_path / "b", plan=plan, counters={"engine.delivered": 2997, "engine.drops": 3})
    assert sound.outcome == "pass"
    assert (dropping.outcome, dropping.cause) == ("fail", "dropped")


@pytest.mark.parametrize(
    ("counters", "cause"),
    [
        ({"consumer.gaps": 2, "consumer.missing": 5}, "gaps"),
        ({"consumer.duplicates": 4}, "duplicates"),
        # Two packets that changed places: a hole, and one older than what was seen.
        ({"consumer.gaps": 1, "consumer.missing": 1, "consumer.reordered": 1}, "reordered"),
        ({"consumer.gaps": 9, "consumer.missing": 9, "consumer.reordered": 1}, "gaps"),
    ],
)
def test_a_fault_in_the_order_has_its_name(tmp_path: Path, counters: dict[str, int], cause: str) -> None:
    record = make_record(tmp_path / "run", counters=counters)
    found = gaps.CHECK.ask(record, totals(record))
    assert (found.outcome, found.cause) == ("fail", cause)


@pytest.mark.parametrize(("lost", "outcome"), [(0, "pass"), (30, "fail")])
def test_what_came_after_the_supervisors_death_is_held_against_the_pages_own_time(
    tmp_path: Path, lost: int, outcome: str
) -> None:
    # given a supervisor that was killed, and a worker that drained: its page is 47 packets past the last sample
    directory = write_record(tmp_path / "run", partial=True, packets=1000)
    page = Scoreboard.open(directory / SCOREBOARD_FILE, writable=True)
    for name in ("engine.captured", "engine.delivered", "pool.hits", "pool.returns"):
        page[name] = 1047 - lost
    page["phase"] = Phase.DONE
    page["engine.stop_ns"] = (page["engine.start_ns"] or 0) + 1047 * 10_000_000
    record = read_record(directory)
    found = delivery.CHECK.ask(record, totals(record))
    assert found.outcome == outcome
    assert f"{1047 - lost:,} of 1,047 packets due" in found.sentence


@pytest.mark.parametrize(("more", "outcome"), [(5, "pass"), (500, "fail")])
def test_an_unpaced_stream_that_goes_on_is_read_in_more_than_a_moment(
    tmp_path: Path, more: int, outcome: str
) -> None:
    # given 100 packets/s, of which some came between reading what was due and what was delivered
    def bend(_number: int, row: Row) -> None:
        row["engine.delivered"] = (row["due"] or 0) + more

    paced = scenario(duration_s=30)
    plan = msgspec.structs.replace(paced, source=SourceTable(unpaced=True))
    found = judged(tmp_path, plan=plan, partial=True, packets=1500, bend=bend)
    # then what came in the time of a reading is no surplus, and more than that is
    assert found.outcome == outcome, found.sentence
