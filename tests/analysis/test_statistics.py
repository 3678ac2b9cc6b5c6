"""The statistics by their closed forms are those of scipy.stats."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from zcbench.analysis.statistics import deviation, kendall_tau, line, sen_slope, t_quantile


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
    for probability in (0.975, 0.999):
        assert t_quantile(probability, size) == pytest.approx(scipy.stats.t.ppf(probability, size))


def test_what_has_no_slope_and_no_order_is_not_a_number() -> None:
    same = np.full(5, 3.0)
    assert math.isnan(sen_slope(same, np.arange(5.0)).slope)
    assert math.isnan(kendall_tau(same))


def test_no_report_waits_for_scipy_stats_to_be_imported() -> None:
    run = Path(__file__).parents[1] / "record/examples/schema-3"
    code = (
        "import sys; from pathlib import Path; from zcbench.record.reader import read_record;"
        "from zcbench.verdict import judge; from zcbench.render import markdown;"
        f"record = read_record(Path({str(run)!r})); markdown.render(record, judge(record));"
        "sys.exit('scipy.stats' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
