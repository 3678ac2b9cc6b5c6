"""The statistics by their closed forms are those of scipy.stats."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from zcbench.analysis.statistics import Student, crossing, deviation, kendall_tau, line, sen_slope


def points(seed: int, size: int, *, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, y = np.sort(rng.normal(size=size)) * 100, rng.standard_t(3, size=size)
    return (np.round(x / 20), np.round(y)) if ties else (x, y)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("size", [4, 9, 60])
@pytest.mark.parametrize("seed", range(5))
def test_they_are_those_of_scipy(seed: int, size: int, ties: bool) -> None:
    x, y = points(seed, size, ties=ties)
    theirs = scipy.stats.linregress(x, y)
    assert line(x, y) == pytest.approx((theirs.slope, theirs.intercept))
    assert deviation(y) == pytest.approx(scipy.stats.median_abs_deviation(y, scale="normal"))
    sen, ours = scipy.stats.theilslopes(y, x), sen_slope(x, y)
    assert (ours.slope, ours.intercept) == pytest.approx((sen.slope, sen.intercept))
    assert (ours.low, ours.high) == pytest.approx((sen.low_slope, sen.high_slope))
    tau = scipy.stats.kendalltau(np.arange(size), y).statistic
    assert kendall_tau(y) == pytest.approx(tau, nan_ok=True)


@pytest.mark.parametrize("free", [1, 2, 3, 4, 7, 22, 57, 240])
def test_students_distribution_is_that_of_scipy(free: int) -> None:
    student, theirs = Student(free), scipy.stats.t(free)
    t = np.linspace(-9, 9, 37)
    assert student.below(t) == pytest.approx(theirs.cdf(t), abs=1e-14)
    assert student.density(t) == pytest.approx(theirs.pdf(t))
    for probability in (1e-6, 0.001, 0.025, 0.3, 0.5, 0.9, 0.999, 1 - 1e-6):
        assert student.quantile(probability) == pytest.approx(theirs.ppf(probability), rel=1e-9, abs=1e-12)


def test_a_crossing_is_found_where_newton_alone_would_run_away() -> None:
    def at(x: float) -> tuple[float, float]:
        return math.atan(x), 1 / (1 + x * x)

    assert crossing(at, 1.2, -50.0, 1000.0) == pytest.approx(math.tan(1.2))


def test_what_has_no_slope_and_no_order_is_not_a_number() -> None:
    same = np.full(5, 3.0)
    assert math.isnan(sen_slope(same, np.arange(5.0)).slope)
    assert math.isnan(kendall_tau(same))


def test_no_report_waits_for_scipy_to_be_imported() -> None:
    run = Path(__file__).parents[1] / "record/examples/schema-3"
    code = (
        "import sys; from pathlib import Path; from zcbench.record.reader import read_record;"
        "from zcbench.verdict import judge; from zcbench.render import markdown;"
        f"record = read_record(Path({str(run)!r})); markdown.render(record, judge(record));"
        "sys.exit('scipy.special' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
