"""What an engine says of itself: one lie fails, and a machine that is busy is no lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.records import RESOURCES, Row, make_record
from zcbench.analysis.claims import Arrivals
from zcbench.record.schema import Event, EventKind, Finding
from zcbench.verdict import judge


def claims(directory: Path, **counters: int) -> Finding:
    named = {name.replace("_", ".", 1): value for name, value in counters.items()}
    record = make_record(directory / "run", counters=named)
    return next(f for f in judge(record).findings if f.check == "claims")


def test_a_sound_engine_passes(tmp_path: Path) -> None:
    found = claims(tmp_path)
    assert found.outcome == "pass", found.sentence
    assert "one packet with a wrong shape" in (found.detection_limit or "")


@pytest.mark.parametrize(
    ("counters", "cause"),
    [
        ({"consumer_wrong_shape": 1}, "shape"),
        ({"consumer_fresh": 1, "consumer_owners": 40}, "fresh_memory"),
        ({"consumer_places": 11}, "fresh_memory"),
        ({"consumer_time_backward": 1}, "time_backward"),
        ({"consumer_time_ahead": 1}, "time_ahead"),
        ({"consumer_time_early": 1}, "time_early"),
        ({"consumer_time_stood_ns": 600_000_000}, "time_stands"),
        ({"consumer_gap_flag_false": 1}, "flags"),
        ({"consumer_gap_flag_missing": 1}, "flags"),
        ({"consumer_flagged_overflow": 1}, "flags"),
        ({"pool_overflow_allocations": 5, "consumer_flagged_overflow": 4}, "flags"),
        ({"consumer_xruns": 1}, "flags"),
        ({"engine_xruns": 1}, "flags"),
    ],
)
def test_one_lie_is_enough_and_has_its_name(tmp_path: Path, counters: dict[str, int], cause: str) -> None:
    found = claims(tmp_path, **counters)
    assert (found.outcome, found.cause) == ("fail", cause)
    assert found.remedy


@pytest.mark.parametrize(
    "counters",
    [
        {"consumer_wrong_shape": 3, "consumer_wrong_size": 3},  # integrity's
        {"consumer_gap_flag_missing": 3, "consumer_reordered": 3},  # overtaken, not dropped
        {"pool_overflow_allocations": 5, "consumer_flagged_overflow": 4, "engine_drops": 1},
        {"consumer_time_stood_ns": 100_000_000},  # a host that hands over 100 ms at once
        {"consumer_fresh": 4, "consumer_owners": 40, "pool_misses": 300},
    ],
)
def test_what_has_another_reason_is_no_lie(tmp_path: Path, counters: dict[str, int]) -> None:
    assert claims(tmp_path, **counters).outcome == "pass"


def test_packets_that_nobody_looked_at_pass_nothing(tmp_path: Path) -> None:
    assert claims(tmp_path, consumer_followed=7).outcome == "inconclusive"


def test_a_pass_says_what_was_not_proved(tmp_path: Path) -> None:
    found = claims(tmp_path, consumer_time_missing=7, consumer_places=2)
    assert found.outcome == "pass"
    assert "7 packets have no time" in found.sentence
    assert "2 places only, of 10 slots" in (found.detection_limit or "")


# -- arrivals

AT = np.arange(1.0, 31.0)


def seen(late_s: np.ndarray, age_s: np.ndarray | float = 0.0) -> Arrivals:
    return Arrivals(AT, late_s, np.broadcast_to(np.asarray(age_s, float), AT.shape))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_rate_that_goes_off_by_3_percent_ramps_either_way(sign: int) -> None:
    assert seen(sign * 0.03 * AT**2 / 60).ramps


def test_a_rate_whose_mean_is_right_ramps_all_the_same() -> None:
    rate_off = 0.015 - 0.03 * AT / 30
    assert seen(-np.cumsum(rate_off)).ramps


@pytest.mark.parametrize(
    "late",
    [
        np.full(30, 0.001),
        0.001 + 0.0002 * AT,  # a clock that is 0.02 % slow: see rate
        0.001 + 0.03 * AT,  # or 3 %, all the time
        np.where((AT > 20) & (AT < 26), 0.4, 0.001),  # a machine that was busy for five seconds
        np.where(AT > 15, 0.3, 0.001),  # packets were lost or stopped once
        np.random.default_rng(1).exponential(0.02, 30),
    ],
    ids=["prompt", "slow clock", "3 % slow", "busy", "step", "crowded"],
)
def test_a_busy_machine_and_an_even_clock_are_no_ramp(late: np.ndarray) -> None:
    assert not seen(late).ramps


def test_a_delay_that_the_stamps_do_not_show_is_a_delay_line() -> None:
    assert seen(np.full(30, 1.0)).delayed
    # but not one that they show, nor one that a busy machine makes for a while, nor a stream falling behind
    assert not seen(np.full(30, 1.0), 1.0).delayed
    assert not seen(np.where(AT < 20, 0.5, 0.001)).delayed
    assert not seen(0.05 * AT).delayed


@pytest.mark.parametrize(("named", "told"), [([], False), (["engine.start_ns"], True)])
def test_a_delay_is_promised_only_where_the_engine_says_when_its_stream_began(
    tmp_path: Path, named: list[str], told: bool
) -> None:
    # given packets of which the promptest of each second is seen, for half a minute
    def bend(n: int, row: Row) -> None:
        row |= {"consumer.late_ns": 1_000 + n, "consumer.early_ns": 0, "consumer.age_ns": 500 + n}

    data = {"counts_everything": False, "named": named}
    event = Event(elapsed_s=0.1, kind=EventKind.ENGINE, message="engine", data=data)
    record = make_record(tmp_path / "run", events=[*RESOURCES, event], bend=bend)
    found = next(f for f in judge(record).findings if f.check == "claims")
    assert "a rate that ramps" in (found.detection_limit or "")
    assert ("a delay of 100 ms" in (found.detection_limit or "")) == told
    assert ("does not write `engine.start_ns`" in found.sentence) != told
