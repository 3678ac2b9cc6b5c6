"""The stream's rate, by regression of captured packets on time: a clock that drifts is one straight line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.statistics import Student, deviation, line, sen_slope
from zcbench.analysis.stream import settled, streaming
from zcbench.analysis.totals import Totals
from zcbench.quantities.names import (
    CONSUMER_RECEIVED,
    ELAPSED_S,
    ENGINE_CAPTURED,
    ENGINE_DELIVERED,
    ENGINE_STOP_NS,
)
from zcbench.record.reader import Record

# Neighbouring samples share a disturbance (a late producer catches up over several of them); the medians
# of so many blocks hardly do, and the pairwise slopes of Theil and Sen stay cheap on a night's 40,000 rows.
MOST_POINTS = 120
FEWEST_POINTS = 8  # below, a t quantile of 99.9 % is wider than the slope it would bound
CONFIDENCE = 0.998  # two-sided: 0.1 % of false alarms on either side
# Counts are whole packets: each is up to one too low. Rounding that conspires at both ends moves a slope by
# at most (1/2) sum|x - mean| / sum(x - mean)^2 = 1.5 packets over the span. The usual variance of 1/12 needs
# independent rounding, which samples a whole number of packets apart do not have.
RESOLUTION_PACKETS = 1.5
# Beside the line: one packet of rounding, one on its way, and the producer's wake-up on a busy machine
# (5 to 20 ms in the runs looked at).
STRAIGHT_PACKETS = 2.0
WAKE_UP_S = 0.02
# Of all that the clock went wrong by: n even losses lie up to 1 / (2 n) of their sum beside a line, so that
# what passes for one had to be more than six of them, evenly spread.
STRAIGHT_SHARE = 1 / 12
# A normal sample lies beyond six robust standard deviations once in 5e8: what does was read in a stall.
OUTLIER_DEVIATIONS = 6.0
MOST_OUTLIERS = 0.1  # with more set aside the rest is a choice, not a line
# A replay driven faster than real may simply be too much for the machine; no clock is 1 % off.
NO_CLOCK_PPM = 10_000


@dataclass(frozen=True)
class RateFit:
    """A line through captured packets over time.

    ``per_s`` and ``nominal_per_s`` in packets/s; ``half_width`` of its 99.8 % interval likewise, with the
    rounding of whole packets in it. ``off_packets`` is the farthest point from the line. ``is_clock`` tells
    the kind of a drift: False where one or two steps at the nominal rate explain the points better than
    the line does (without a drift they always do), or where points lie too far from it.
    """

    per_s: float
    standard_error: float
    half_width: float
    nominal_per_s: float
    span_s: float
    points: int
    off_packets: float
    is_clock: bool

    @property
    def drift_ppm(self) -> float:
        """Against the nominal rate, parts per million."""
        return (self.per_s / self.nominal_per_s - 1) * 1e6

    @property
    def half_width_ppm(self) -> float:
        """Half of the interval, parts per million of the nominal rate."""
        return self.half_width / self.nominal_per_s * 1e6


def nominal_per_s(record: Record, found: Totals) -> float | None:
    """Packets/s the stream should have in wall time; None if it has no pace of its own."""
    source = record.run.scenario.source
    if source.unpaced:
        return None
    speed = 1.0 if source.kind == "device" else source.speed
    if source.rate is not None or source.kind != "file":
        return source.frames_per_s / source.frames * speed
    # A file's rate is not in the record; the supervisor reckoned with it in ``due``.
    x, due = _flowing(record, found, "due")
    rising = due < (record.run.due_packets or np.inf)
    if rising.sum() < 2:
        return None
    x, due = x[rising], due[rising]
    return float((due[-1] - due[0]) / (x[-1] - x[0]))


def progress_column(record: Record) -> str:
    """The column that tells how far the source has come: what it captured; else what came of that."""
    columns = (ENGINE_CAPTURED, ENGINE_DELIVERED, CONSUMER_RECEIVED)
    known = (column for column in columns if np.isfinite(record.samples[column]).any())
    return next(known, columns[0])


def rate_fit(record: Record, found: Totals) -> RateFit | None:
    """The line through ``engine.captured``; None without a pace, or with too few samples for a line."""
    nominal = nominal_per_s(record, found)
    x, y = _flowing(record, found, progress_column(record))
    if not nominal or x.size < FEWEST_POINTS:
        return None
    return fit(x, y, nominal)


def fit(x: NDArray[np.float64], y: NDArray[np.float64], nominal: float) -> RateFit | None:
    """The line through counts ``y`` at times ``x`` (s), both of shape (samples,); at least 8 of them."""
    # Seen from a stream of the nominal rate, so that a point stands for its packets behind or ahead.
    x, ahead = _thin(x, y - nominal * x)
    kept = _near_the_line(x, ahead)
    x, ahead, set_aside = x[kept], ahead[kept], 1 - kept.mean()
    span = float(x[-1] - x[0])
    if x.size < FEWEST_POINTS or not span:
        return None
    slope, intercept = line(x, ahead)
    beside = ahead - (slope * x + intercept)
    variance = float(np.sum(beside**2)) / (x.size - 2) / float(np.sum((x - x.mean()) ** 2))
    error = float(np.sqrt(variance)) * _inflation(beside)
    t = Student(x.size - 2).quantile((1 + CONFIDENCE) / 2)
    off = float(np.abs(beside).max())
    most_off = max(STRAIGHT_PACKETS + nominal * WAKE_UP_S, STRAIGHT_SHARE * abs(slope) * span)
    straight = off <= most_off and set_aside <= MOST_OUTLIERS
    return RateFit(
        per_s=nominal + slope,
        standard_error=error,
        half_width=t * error + RESOLUTION_PACKETS / span,
        nominal_per_s=nominal,
        span_s=span,
        points=int(x.size),
        off_packets=off,
        is_clock=bool(straight and float(np.sum(beside**2)) <= _steps_misfit(ahead)),
    )


def _flowing(record: Record, found: Totals, column: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times and readings of ``column`` at settled samples while the source made packets."""
    rows = record.samples
    captured, values = rows[progress_column(record)], rows[column]
    use = streaming(record) & settled(record) & (captured > 0)
    use &= np.isfinite(values) & ~(np.nan_to_num(rows[ENGINE_STOP_NS]) > 0)
    if record.run.due_packets is not None:
        use &= captured < record.run.due_packets  # a source that is done stands still
    return rows[ELAPSED_S][use], values[use]


def _thin(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    blocks = np.array_split(np.arange(x.size), min(x.size, MOST_POINTS))
    return (
        np.array([x[block].mean() for block in blocks]),
        np.array([np.median(y[block]) for block in blocks]),
    )


def _near_the_line(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    median = sen_slope(x, y)
    beside = y - (median.slope * x + median.intercept)
    spread = deviation(beside)
    return np.asarray(np.abs(beside) <= max(STRAIGHT_PACKETS, OUTLIER_DEVIATIONS * spread))


def _inflation(beside: NDArray[np.float64]) -> float:
    """How much wider the error is than for independent residuals: sqrt((1 + r) / (1 - r)), AR(1)."""
    total = float(np.sum(beside**2))
    r = float(np.sum(beside[1:] * beside[:-1])) / total if total else 0.0
    r = min(max(r, 0.0), 1 - 2 / beside.size)
    return float(np.sqrt((1 + r) / (1 - r)))


def _steps_misfit(ahead: NDArray[np.float64]) -> float:
    """The least sum of squares of the nominal rate with up to two steps: what losses at moments leave.

    It has more to choose than the line has: in doubt it is no clock.
    """
    n = ahead.size
    squares = np.concatenate([[0.0], np.cumsum(ahead**2)])
    sums = np.concatenate([[0.0], np.cumsum(ahead)])
    begin, end = np.ogrid[: n + 1, : n + 1]
    length = np.maximum(end - begin, 1)
    # misfit[i, j] is that of points i..j-1 about their mean; the empty stretch costs nothing
    misfit = (squares - squares[:, None]) - (sums - sums[:, None]) ** 2 / length
    both = misfit[0, :, None] + misfit + misfit[:, n][None, :]
    return float(both[np.triu_indices(n + 1)].min())
