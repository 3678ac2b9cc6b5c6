"""What the trend rule answers, and the numbers that the answer rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["fail", "pass", "inconclusive"]


@dataclass(frozen=True)
class Step:
    """One jump set aside: a rise of ``size`` units at ``at_s``."""

    at_s: float
    size: float


@dataclass(frozen=True)
class Window:
    """What one stretch of a run shows. Rates are in units/s; ``low``, ``high`` are one-sided bounds.

    ``unjudged`` is None, or why nothing may be concluded from it (the numbers stand nevertheless).
    """

    start_s: float
    stop_s: float
    blocks: int  # cells of readings that the line goes through
    slope: float
    standard_error: float
    low: float  # the least of the lower bounds that a fail needs
    high: float  # growth is below (95 %)
    slowing: bool  # a warm-up explains the readings, a line does not, and little growth is sure to last
    step: Step | None
    smallest_seen: float  # the smallest growth that would have failed (95 %), units/s
    unjudged: str | None = None

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.stop_s - self.start_s


@dataclass(frozen=True)
class Trend:
    """The answer for one counter: ``window`` is the one the answer rests on, None without enough readings.

    ``rising``: growth beyond the budget is beyond its error too, whatever ``outcome`` makes of it.
    """

    outcome: Outcome
    why: str
    window: Window | None
    rising: bool = False
