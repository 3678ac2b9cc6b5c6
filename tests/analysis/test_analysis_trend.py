"""The trend rule: what it must call a leak, what it must not, and what it must leave open."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from zcbench.analysis.trend import Trend, pages_trend, trend
from zcbench.analysis.trend.fit import fits
from zcbench.analysis.trend.rule import FAIL_ALPHA

BUDGET = 97.0  # B/s: 8 MiB a day
Array = NDArray[np.float64]


def series(seconds: int = 300, *, leak: float = 0.0, seed: int = 1) -> tuple[Array, Array, Array]:
    """Times, a heap that flickers by some chunks, and which readings follow a collection (24 a run)."""
    rng = np.random.default_rng(seed)
    t = np.arange(1.0, seconds + 1)
    y = 4e6 + np.floor(leak * t / 64) * 64 + 64 * rng.integers(-2, 3, t.size)
    collected = np.diff(np.floor(t / max(2.0, seconds / 24)), prepend=0.0) > 0
    return t, y, collected


def judged(t: Array, y: Array, collected: Array | None = None, **more: object) -> Trend:
    return trend(t, y, budget=BUDGET, resolution=64, collected=collected, counters=5, **more)


def resident(t: Array, y: Array, explained: Array | None = None) -> Trend:
    known = np.full(t.size, 2e6) if explained is None else explained
    return pages_trend(t, y, known, budget=BUDGET, resolution=4096, counters=5)


def garbage(t: Array, collected: Array, per_s: float = 50_000) -> Array:
    """A sawtooth: what piles up between two collections."""
    return per_s * (t - np.maximum.accumulate(np.where(collected, t, 0)))


# -- leaks


@pytest.mark.parametrize("seed", range(20))
def test_a_small_object_every_ten_packets_is_a_leak_within_five_minutes(seed: int) -> None:
    # given 32 bytes kept every 10 packets at 100/s
    t, y, collected = series(leak=320, seed=seed)
    found = judged(t, y, collected)
    # then it fails, and the slope is right
    assert found.outcome == "fail"
    assert found.window is not None
    assert found.window.slope == pytest.approx(320, rel=0.1)


@pytest.mark.parametrize("seed", range(20))
def test_300_bytes_a_second_under_a_gc_sawtooth_are_a_leak_within_half_an_hour(seed: int) -> None:
    # given garbage of 50 KB/s between collections, over a leak of 300 B/s
    t, y, collected = series(1800, leak=300, seed=seed)
    assert judged(t, y + garbage(t, collected), collected).outcome == "fail"


def test_a_leak_after_a_long_quiet_start_is_still_a_leak() -> None:
    # given nothing for 40 % of the run, then 2 KB/s
    t, y, collected = series()
    y = y + 2000 * np.maximum(0, t - 120)
    assert judged(t, y, collected).outcome == "fail"


# -- no leaks


@pytest.mark.parametrize("seed", range(20))
def test_a_flat_counter_passes_and_says_what_it_could_have_seen(seed: int) -> None:
    # given 5 minutes without growth
    t, y, collected = series(seed=seed)
    found = judged(t, y + garbage(t, collected), collected)
    # then it passes, and a leak of the size it names would indeed have failed
    assert found.outcome == "pass"
    assert found.window is not None
    _, leaking, _ = series(leak=found.window.smallest_seen, seed=seed)
    assert judged(t, leaking + garbage(t, collected), collected).outcome == "fail"


def test_a_warm_up_that_plateaus_is_not_a_leak() -> None:
    # given 2 MB allocated in the first minute of five, by and by
    t, y, collected = series()
    found = judged(t, y + 2e6 * (1 - np.exp(-t / 15)), collected)
    assert found.outcome != "fail"


def test_growth_that_went_on_into_the_last_half_is_called_warming_up() -> None:
    # given growth for 70 % of the run, and none after
    t, y, collected = series()
    found = judged(t, y + 5000 * np.minimum(t, 210), collected)
    assert (found.outcome, "warming up" in found.why) == ("inconclusive", True)


def test_growth_that_stopped_before_the_last_half_is_judged_by_that_half() -> None:
    # given growth for 45 % of the run, and none after
    t, y, collected = series()
    found = judged(t, y + 5000 * np.minimum(t, 135), collected)
    assert found.outcome == "pass"
    assert found.window is not None
    assert found.window.start_s == pytest.approx(150, abs=2)


def test_one_step_is_set_aside_and_named() -> None:
    # given 480 KiB allocated once, at 2:14
    t, y, collected = series()
    found = judged(t, y + 480 * 1024 * (t >= 134), collected)
    # then the run passes, and the step is known by size and time
    assert found.outcome == "pass"
    assert found.window is not None
    assert found.window.step is not None
    assert found.window.step.size == pytest.approx(480 * 1024, rel=0.02)
    assert abs(found.window.step.at_s - 134) < 30


@pytest.mark.parametrize("size", [3 * 2**20, 480 * 1024])
def test_a_step_too_large_or_too_late_is_not_set_aside(size: int) -> None:
    # given a step of 3 MiB in mid run, or one of 480 KiB near its end
    t, y, collected = series()
    at = 230 if size < 2**20 else 170
    assert judged(t, y + size * (t >= at), collected).outcome != "pass"


# -- what cannot be said


def test_garbage_that_nobody_collected_is_neither_leak_nor_health() -> None:
    # given a heap that rises by 2.7 KB/s for five minutes without a full collection, as V8's does
    t, y, _ = series(leak=2700)
    found = judged(t, y, np.zeros(t.size, bool))
    # then nothing is concluded, and the numbers are there all the same
    assert found.outcome == "inconclusive"
    assert "too few collections" in found.why
    assert found.window is not None
    assert found.window.smallest_seen > BUDGET


def test_thirty_seconds_cannot_pass_and_can_fail() -> None:
    # given half a minute, flat and with 2 KB/s
    t, y, collected = series(30)
    assert judged(t, y, collected).outcome == "inconclusive"
    t, y, collected = series(30, leak=2000)
    assert judged(t, y, collected).outcome == "fail"


def test_resident_memory_may_fail_and_never_passes() -> None:
    # given RSS, flat and growing, for five minutes and for one and a half
    t, y, _ = series()
    pages = np.round(y / 4096) * 4096
    leaking = pages + 16_384 * np.floor(t)
    assert resident(t, pages).outcome == "inconclusive"
    assert resident(t, leaking).outcome == "fail"
    short = t <= 90
    found = resident(t[short], leaking[short])
    assert (found.outcome, found.rising, "not judged below" in found.why) == (
        "inconclusive",
        True,
        True,
    )


@pytest.mark.parametrize("readings", [0, 1, 5])
def test_too_few_readings_never_pass(readings: int) -> None:
    # given fewer readings than blocks
    t = np.arange(1.0, readings + 1) * 60
    assert judged(t, np.full(readings, 4e6)).outcome == "inconclusive"


def test_missing_readings_are_left_out_and_not_taken_for_zero() -> None:
    # given a flat counter with every third reading missing
    t, y, _ = series()
    y[::3] = np.nan
    assert judged(t, y).outcome == "pass"


def test_more_counters_need_stronger_evidence() -> None:
    # given a line through noise
    t, y, collected = series(60, leak=220, seed=3)
    none = np.empty((int(collected.sum()), 0))
    line = fits(t[collected], y[collected], 64.0, none, none)[0]
    # then its bound lies lower where twenty counters share the false alarms of one
    assert line.mixed(FAIL_ALPHA / 20) < line.mixed(FAIL_ALPHA) < line.slope


def test_resident_memory_of_an_unknown_runtime_must_grow_faster_than_a_heap_that_nobody_collects() -> None:
    # given half an hour of RSS, in which no exact counter explains anything
    t, y, _ = series(1800)
    pages = np.round(y / 4096) * 4096
    nothing = np.zeros(t.size)
    # then what V8 does without a collection is no leak, and 64 KiB/s is one
    assert resident(t, pages + 2400 * t, nothing).outcome == "inconclusive"
    assert resident(t, pages + 65_536 * t, nothing).outcome == "fail"
    # and where exact counters explain the rest, 2,400 B/s is one as well
    assert resident(t, pages + 2400 * t).outcome == "fail"


def doubling(factor: float, rate: float, seconds: int, offset: float) -> tuple[Array, Array]:
    """An array of 8-byte numbers that leaks ``rate`` bytes a second, read at 24 collections."""
    times = np.arange(1, 25) * seconds / 24
    capacities = [16]
    while 8 * capacities[-1] < 2 * rate * seconds:
        capacities.append(int(capacities[-1] * factor) + 16)
    held = rate * (times + offset) / 8
    return times, 8.0 * np.asarray(capacities)[np.searchsorted(capacities, held)]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    factor=st.sampled_from((1.5, 2.0)),
    rate=st.floats(600, 3_000),
    seconds=st.sampled_from((300, 600, 1200)),
    offset=st.floats(0, 5),
)
def test_an_array_that_doubles_as_it_leaks_never_passes(
    factor: float, rate: float, seconds: int, offset: float
) -> None:
    times, values = doubling(factor, rate, seconds, offset)
    collected = np.ones(times.shape, bool)
    found = trend(times, values, budget=97.0, resolution=64, collected=collected)
    assert found.outcome != "pass", found.why


def test_an_early_step_is_no_staircase() -> None:
    # given what a service loads in its first minute, and nothing more
    times = np.arange(1, 25) * 12.5
    values = 6e6 + 300_000.0 * (times > 60) + 100.0 * (np.arange(24) % 3)
    found = trend(times, values, budget=97.0, resolution=64, collected=np.ones(times.shape, bool))
    assert found.outcome == "pass", found.why
