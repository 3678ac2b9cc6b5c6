"""What every check is asked about: the record, and the readings that several of them need."""

from __future__ import annotations

from dataclasses import dataclass

from zcbench.analysis.delivery import Delivery, delivery
from zcbench.analysis.laws import Law, laws
from zcbench.analysis.lifecycle import histograms
from zcbench.analysis.pool import PoolUse, pool_use
from zcbench.analysis.stream import Stream, stream_of
from zcbench.analysis.totals import Totals, final_totals
from zcbench.record.reader import Record
from zcbench.record.schema import Finding
from zcbench.scoreboard import Histogram


@dataclass(frozen=True)
class Case:
    """A record with its final totals (by metric name) and the analyses made of it."""

    record: Record
    totals: Totals
    timings: dict[str, Histogram]
    stream: Stream
    delivery: Delivery
    pool: PoolUse
    laws: tuple[Law, ...]

    def count(self, name: str) -> int:
        """A total that is known to be there (see :meth:`lacks`)."""
        return int(self.totals[name] or 0)

    def lacks(self, *names: str) -> list[str]:
        """Those of the metrics ``names`` that the record has no reading of."""
        return [name for name in names if self.totals[name] is None]


def open_case(record: Record) -> Case:
    """Read ``record`` once for all checks."""
    totals = final_totals(record.samples, record.board)
    timings = histograms(record.board)
    stream = stream_of(record.run, totals, record.events, record.end.elapsed_s)
    return Case(
        record=record,
        totals=totals,
        timings=timings,
        stream=stream,
        delivery=delivery(record.run, record.end.ending, totals, record.samples, stream),
        pool=pool_use(totals, timings.get("hold_ns"), stream.seconds),
        laws=laws(
            totals,
            record.samples,
            policy=record.run.scenario.pool.policy,
            at_rest=stream.drained,
        ),
    )


def missing_readings(check: str, names: list[str]) -> Finding:
    """The finding of a check that lacks readings: never a pass."""
    return Finding(
        check=check,
        outcome="inconclusive",
        sentence=f"the record has no reading of {', '.join(names)}",
        remedy="run again; the record is damaged or its engine does not count this",
    )
