"""The trend rule on recorded processes of known truth: healthy ones are no leak, leaks are named.

``tests/data/memory-series.tar.xz`` holds ten minutes each of Node, the JVM, CPython and C, a reading a second
at real pace, warm-up included. ``labels.csv`` has what each leaks.
"""

from __future__ import annotations

import csv
import io
import tarfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from zcbench.analysis.trend import Trend, trend

BUDGET = 97.0
ARCHIVE = Path(__file__).parents[1] / "data" / "memory-series.tar.xz"
NOT_COUNTERS = {"time_s", "collected", "rss", "in_flight"}
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    leak: float
    in_flight_of: tuple[str, ...]
    columns: dict[str, Array]


@lru_cache
def recorded() -> dict[str, Series]:
    out = {}
    with tarfile.open(ARCHIVE) as archive:
        files = {
            Path(member.name).name: archive.extractfile(member).read().decode()  # type: ignore[union-attr]
            for member in archive
            if member.isfile()
        }
    for row in csv.DictReader(io.StringIO(files["labels.csv"])):
        table = np.genfromtxt(io.StringIO(files[f"{row['series']}.csv"]), delimiter=",", names=True)
        columns = {name: table[name].astype(float) for name in table.dtype.names}
        out[row["series"]] = Series(float(row["leak_bytes_per_s"]), tuple(row["in_flight_of"].split()), columns)
    return out


def judged(series: Series, start: float, seconds: float, *, in_flight: bool = True) -> list[Trend]:
    """The trend of each counter from ``start`` on."""
    times = series.columns["time_s"]
    inside = (times >= start) & (times <= start + seconds)
    columns = {name: values[inside] for name, values in series.columns.items()}
    collected = columns["collected"] > 0
    return [
        trend(
            columns["time_s"],
            values,
            budget=BUDGET,
            resolution=64,
            collected=None if collected.all() else collected,
            counters=5,
            in_flight=columns["in_flight"] if in_flight and name in series.in_flight_of else None,
        )
        for name, values in columns.items()
        if name not in NOT_COUNTERS
    ]


HEALTHY = sorted(name for name, series in recorded().items() if not series.leak)
LEAKING = sorted(name for name, series in recorded().items() if series.leak)


@pytest.mark.parametrize("name", HEALTHY)
@pytest.mark.parametrize("seconds", [60, 120, 300])
def test_no_window_of_a_healthy_process_is_a_leak(name: str, seconds: int) -> None:
    # given every window of a process that is healthy, its warm-up among them
    for start in range(0, 600, seconds):
        assert "fail" not in [t.outcome for t in judged(recorded()[name], start, seconds)]


@pytest.mark.parametrize("name", LEAKING)
def test_a_leak_of_some_hundred_bytes_a_second_is_named_in_five_minutes(name: str) -> None:
    # given 240 to 400 B/s, under fresh buffers and garbage, once the process has run for five minutes
    outcomes = [t.outcome for t in judged(recorded()[name], 300, 300)]
    assert "fail" in outcomes


def test_settled_heaps_pass_in_five_minutes() -> None:
    # given one settled process of each runtime
    for name in ("n_h_pool", "j_h_pool", "p_h_warm", "c_h_pool"):
        found = judged(recorded()[name], 300, 300)
        assert [t.outcome for t in found] == ["pass"] * len(found), name
        # then the limit that the pass rests on is at most three budgets
        assert all(t.window is not None and t.window.high < 3 * BUDGET for t in found)


def test_bytes_known_to_be_in_flight_are_no_noise() -> None:
    # given a leak of buffers beside fresh ones, read with what is in flight and without
    series = recorded()["p_l_buf400"]
    errors = []
    for known in (True, False):
        native = judged(series, 300, 300, in_flight=known)[0].window
        assert native is not None
        errors.append(native.standard_error)
    assert errors[0] < errors[1] / 1.5


def test_live_data_that_fragments_neither_fails_nor_passes() -> None:
    # given a heap whose live blocks change their sizes at random, by many times the budget
    for name in ("c_h_frag", "p_h_frag"):
        outcomes = {judged(recorded()[name], 0, 300)[0].outcome}
        assert outcomes == {"inconclusive"}, name


@pytest.mark.parametrize("name", HEALTHY)
@pytest.mark.parametrize("leak", [1000.0, 10_000.0])
def test_no_leak_of_ten_budgets_passes(name: str, leak: float) -> None:
    # given a leak of 10 or 100 budgets laid over a healthy process, from its start and from half way on
    for start in (0.0, 450.0):
        series = recorded()[name]
        times = series.columns["time_s"]
        over = np.floor(leak * np.maximum(0, times - max(start, 300)) / 64) * 64
        columns = {
            name: values if name in NOT_COUNTERS else values + over for name, values in series.columns.items()
        }
        leaking = Series(leak, series.in_flight_of, columns)
        assert "pass" not in [t.outcome for t in judged(leaking, 300, 300)]


@pytest.mark.parametrize("name", HEALTHY)
def test_a_falling_heap_does_not_pass(name: str) -> None:
    # given a heap that gives back 10 budgets a second: a leak could hide in the fall
    series = recorded()[name]
    fall = 10 * BUDGET * series.columns["time_s"]
    columns = {n: v if n in NOT_COUNTERS else v - fall for n, v in series.columns.items()}
    falling = judged(Series(0.0, series.in_flight_of, columns), 300, 300)
    assert {t.outcome for t in falling} == {"inconclusive"}
