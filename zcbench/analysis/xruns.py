"""Over- and underruns of the device: how often sound was lost, when, and what is known of how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zcbench.analysis.delivery import delivery
from zcbench.analysis.rate import nominal_per_s
from zcbench.analysis.totals import Totals, count
from zcbench.quantities.names import CONSUMER_XRUNS, ELAPSED_S, ENGINE_XRUNS
from zcbench.record.reader import Record


@dataclass(frozen=True)
class Xruns:
    """``counted`` by the engine, ``marked`` on packets that the application took; None: nobody counted.

    ``first_s``, ``last_s`` and ``samples`` are where the counts rose, of ``of_samples``. ``missing_s`` is how
    much less sound came than the time should have given; ``tolerance_s`` of it means nothing. None where no
    clock and no number of packets says what was due.
    """

    counted: int | None
    marked: int | None
    first_s: float | None
    last_s: float | None
    samples: int
    of_samples: int
    missing_s: float | None
    tolerance_s: float | None

    @property
    def number(self) -> int | None:
        """The larger of the two counts: a fault that was counted counts, whoever did it."""
        known = [n for n in (self.counted, self.marked) if n is not None]
        return max(known, default=None)


def xruns(record: Record, found: Totals) -> Xruns:
    """What the record holds of them."""
    counted, marked = (_most(record, found, f"{who}.xruns") for who in ("engine", "consumer"))
    rose = np.zeros(record.samples[ELAPSED_S].shape, bool)
    for column in (ENGINE_XRUNS, CONSUMER_XRUNS):
        rose |= np.diff(np.nan_to_num(record.samples[column]), prepend=0.0) > 0
    at_s = record.samples[ELAPSED_S][rose]
    missing_s, tolerance_s = _missing_s(record, found) if counted or marked else (None, None)
    return Xruns(
        counted,
        marked,
        float(at_s[0]) if at_s.size else None,
        float(at_s[-1]) if at_s.size else None,
        int(rose.sum()),
        int(rose.size),
        missing_s,
        tolerance_s,
    )


def _missing_s(record: Record, found: Totals) -> tuple[float | None, float | None]:
    seen, per_s = delivery(record, found), nominal_per_s(record, found)
    if seen.missing is None or not per_s:
        return None, None
    return seen.missing / per_s, seen.tolerance / per_s


def _most(record: Record, found: Totals, name: str) -> int | None:
    """The total, or the most that a sample shows: a counter that was set back has counted all the same."""
    readings = record.samples[name]
    readings = readings[np.isfinite(readings)]
    total = count(found, name)
    known = [int(readings.max())] if readings.size else []
    return max([*known, *([] if total is None else [total])], default=None)
