"""When packets came against when they were due, as the harness saw it: a rate that ramps, a delay line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.statistics import sen_slope
from zcbench.analysis.stream import streaming
from zcbench.quantities.names import CONSUMER_AGE_NS, CONSUMER_EARLY_NS, CONSUMER_LATE_NS, ELAPSED_S
from zcbench.record.reader import Record

# Thirds of 4 readings or more, a second or more each: fewer have no slope to speak of.
FEWEST_READINGS, SHORTEST_S = 12, 12.0
# The lateness of the promptest packet of a second is known to some ms on a busy machine: over a third of the
# shortest stream, 4 s, that is 0.1 to 0.2 %.
RAMP = 0.005
# From the middle of a parabola to its chord: 3 % in 15 s are 56 ms. Half of its points lie this near to it.
RAMP_S, BESIDE_SHARE = 0.03, 0.2
DELAY_S, DELAY_SHARE = 0.1, 0.8  # so late, in that share of the readings


@dataclass(frozen=True)
class Arrivals:
    """The promptest packet of each second, shape (readings,): when, s, how late after it was due, s (negative:
    early), and how old by its own time stamp, s."""

    at_s: NDArray[np.float64]
    late_s: NDArray[np.float64]
    age_s: NDArray[np.float64]

    @property
    def enough(self) -> bool:
        """Whether there are enough of them to judge."""
        return self.at_s.size >= FEWEST_READINGS and self.at_s[-1] - self.at_s[0] >= SHORTEST_S

    @property
    def ramp(self) -> tuple[float, float, float]:
        """By what share of its rate the stream ran slow (negative: fast) in each third of the run."""
        thirds = np.array_split(np.arange(self.at_s.size), 3)
        first, middle, last = (sen_slope(self.at_s[part], self.late_s[part]).slope for part in thirds)
        return first, middle, last

    @property
    def ramps(self) -> bool:
        """Whether the rate went one way all through the run, by more than what means nothing."""
        first, middle, last = self.ramp
        one_way = min(first, last) <= middle <= max(first, last)
        # A rate that changes evenly bends lateness into a parabola. What a busy machine makes is none.
        bend, *_ = parabola = np.polyfit(self.at_s, self.late_s, 2)
        bend_s = abs(float(bend)) * float(np.ptp(self.at_s)) ** 2 / 4
        beside_s = float(np.median(np.abs(self.late_s - np.polyval(parabola, self.at_s))))
        return one_way and abs(last - first) > RAMP and bend_s > RAMP_S and beside_s < BESIDE_SHARE * bend_s

    @property
    def unexplained_s(self) -> float:
        """By how much packets came later than their own time stamps say: the most that most readings show."""
        return float(np.quantile(self.late_s - self.age_s, 1 - DELAY_SHARE))

    @property
    def delayed(self) -> bool:
        """Whether that is a constant delay, and not a stream that falls behind."""
        half = self.at_s.size // 2
        beyond = self.late_s - self.age_s
        grew = abs(float(np.median(beyond[half:]) - np.median(beyond[:half])))
        return self.unexplained_s > DELAY_S and grew < self.unexplained_s / 4


def arrivals(record: Record) -> Arrivals:
    """Of the samples of the running stream, those that saw another second than the one before."""
    rows = record.samples
    late = (rows[CONSUMER_LATE_NS] - rows[CONSUMER_EARLY_NS]) / 1e9
    age = rows[CONSUMER_AGE_NS] / 1e9
    use = streaming(record) & np.isfinite(late) & np.isfinite(age) & (late != 0)
    at, late, age = rows[ELAPSED_S][use], late[use], age[use]
    fresh = np.concatenate([[True], (np.diff(late) != 0) | (np.diff(age) != 0)]) if at.size else use[:0]
    return Arrivals(at[fresh], late[fresh], age[fresh])
