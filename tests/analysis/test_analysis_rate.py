"""The rate as a line through counts: how sure it is, and what is not a line."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.records import make_record, scenario
from zcbench.analysis.rate import RateFit, fit, nominal_per_s, rate_fit
from zcbench.analysis.totals import totals
from zcbench.scenario import SourceTable


def samples(
    seconds: int, *, ppm: float = 0.0, losses: tuple[tuple[float, int], ...] = (), seed: int = 7
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A sample each second of a stream of 100 packets/s; one in a hundred falls into a hiccup."""
    rng = np.random.default_rng(seed)
    x = np.arange(1, seconds, dtype=np.float64)
    late = rng.exponential(0.003, x.size) + (rng.random(x.size) < 0.01) * rng.exponential(0.1, x.size)
    y = np.floor((x - late) * 100 * (1 + ppm / 1e6) + rng.random())
    for at_s, packets in losses:
        y -= packets * (x > at_s)
    return x, y


def line(seconds: int, **story: object) -> RateFit:
    found = fit(*samples(seconds, **story), 100.0)
    assert found is not None
    return found


@pytest.mark.parametrize("ppm", [-200, 0, 200])
@pytest.mark.parametrize("seed", range(20))
def test_the_interval_covers_the_true_drift(ppm: int, seed: int) -> None:
    # given five minutes of a clock that is off by so much
    found = line(300, ppm=ppm, seed=seed)
    # then the truth is within the interval, which is not so wide that it says nothing
    assert abs(found.drift_ppm - ppm) <= found.half_width_ppm < 100
    assert found.is_clock or not ppm


def test_whole_packets_make_a_short_run_unsure() -> None:
    # given a stream so regular that every count lies on the line
    x = np.arange(1.0, 31.0)
    found = fit(x, 100 * x, 100.0)
    # then half a minute still knows its rate to no better than a packet and a half
    assert found is not None
    assert found.standard_error == 0
    assert found.half_width_ppm == pytest.approx(1.5 / 29 / 100 * 1e6)


def test_the_interval_narrows_with_the_runs_length() -> None:
    # given a run of a minute and one of an hour
    # then the longer one knows the rate better, about as the span grows
    assert line(3600).half_width_ppm < line(60).half_width_ppm / 20


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("losses", [((1200.0, 72),), ((900.0, 36), (2700.0, 36))])
def test_packets_lost_at_moments_are_no_clock(losses: object, seed: int) -> None:
    # given an hour that lost as many packets as a clock of -200 ppm would, at one or two moments
    # then no line goes through them
    assert not line(3600, losses=losses, seed=seed).is_clock


def test_few_packets_lost_at_two_moments_are_no_clock_either() -> None:
    # given five calm minutes with two losses of six packets: a line passes within four packets of all points
    x = np.arange(1.0, 300.0)
    found = fit(x, 100 * x - 6 * (x > 100) - 6 * (x > 200), 100.0)
    # then two steps explain them better all the same
    assert found is not None
    assert found.off_packets < 4
    assert abs(found.drift_ppm) - found.half_width_ppm > 100
    assert not found.is_clock


def test_errors_that_last_widen_the_interval() -> None:
    # given the same deviations, once in any order and once in stretches of the same sign
    x = np.arange(0.0, 100.0)
    signs = np.where(np.arange(100) // 10 % 2, 1.0, -1.0)
    shuffled = np.random.default_rng(3).permutation(signs)
    lasting, independent = fit(x, 100 * x + signs, 100.0), fit(x, 100 * x + shuffled, 100.0)
    # then those that last are known to say less
    assert lasting is not None
    assert independent is not None
    assert lasting.standard_error > 2 * independent.standard_error


def test_a_long_stall_at_a_sample_does_not_move_the_rate() -> None:
    # given a minute in which two samples were taken in a stall of a second
    x, y = samples(60)
    y[[20, 40]] -= 100
    found = fit(x, y, 100.0)
    # then they are set aside
    assert found is not None
    assert abs(found.drift_ppm) < 500


def test_seven_samples_are_too_few(tmp_path: Path) -> None:
    record = make_record(tmp_path / "run", scenario(duration_s=8), rows=8)
    # given seven samples of a running stream (the eighth is after its end), then there is no rate
    assert rate_fit(record, totals(record)) is None


@pytest.mark.parametrize(
    ("source", "nominal"),
    [
        (SourceTable(kind="tone"), 100.0),
        (SourceTable(kind="tone", speed=20.0), 2000.0),
        (SourceTable(kind="device", rate=44_100.0, frames=441), 100.0),
        (SourceTable(kind="tone", unpaced=True), None),
        # The file's own rate is not in the record: what was due of it says it.
        (SourceTable(kind="file", path="tone.wav"), pytest.approx(100.0)),
    ],
)
def test_the_nominal_rate_is_that_of_the_source_at_its_speed(
    tmp_path: Path, source: SourceTable, nominal: float | None
) -> None:
    record = make_record(tmp_path / "run", msgspec.structs.replace(scenario(), source=source))
    assert nominal_per_s(record, totals(record)) == nominal


def test_samples_of_equal_times_have_a_line_and_no_warning() -> None:
    # given a table with many readings at each of few times, for which scipy knows no interval
    x = np.repeat(np.arange(3.0), 8)
    # then the line is there all the same, and nobody is warned
    found = fit(x, 100 * x, 100.0)
    assert found is not None
    assert found.per_s == pytest.approx(100)
