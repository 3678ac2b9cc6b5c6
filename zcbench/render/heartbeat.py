"""Heartbeat lines: a run as it goes on, where there is no terminal."""

from __future__ import annotations

import sys
from typing import IO, Self

from zcbench.foreign import one_line
from zcbench.quantities.heaps import heap_of
from zcbench.quantities.names import CONSUMER_GAPS, ELAPSED_S, ENGINE_DROPS, ENGINE_XRUNS, RATE_PER_S, RSS_BYTES
from zcbench.quantities.registry import STANDARD
from zcbench.quantities.units import format_bytes, format_count, format_duration, format_rate
from zcbench.record.schema import End, Ending, Event, RunInfo
from zcbench.render.progress import Row, counts_packets, hit_rate_said, opened, progress

HEARTBEAT_S = 10.0


class Heartbeat:
    """One line on stderr per interval, for logs: where the run is, and what is wrong so far if anything.

    An observer of the supervisor; also a context manager, so that it can stand in for the live view.
    """

    def __init__(self, every_s: float = HEARTBEAT_S, stream: IO[str] | None = None) -> None:
        self._every_s = every_s
        self._stream = stream
        self._run: RunInfo | None = None
        self._next_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def on_start(self, run: RunInfo) -> None:
        """The run is about to start."""
        self._run, self._next_s = run, 0.0
        scenario = run.scenario
        self._say(f"{scenario.name}: {run.about}, {format_duration(scenario.duration)}")

    def on_sample(self, row: Row) -> None:
        """A sample was taken; a line is due at the first one after each interval."""
        elapsed_s = float(row.get(ELAPSED_S) or 0.0)
        if self._run is None or elapsed_s < self._next_s:
            return
        # On the grid of the intervals, so that a late sample does not make all later lines late.
        self._next_s = (elapsed_s // self._every_s + 1) * self._every_s
        self._say(heartbeat(self._run, row))

    def on_page(self, row: Row) -> None:
        """The page was read between two samples."""
        self.on_sample(row)

    def on_event(self, event: Event) -> None:
        """Something happened."""
        self._say(f"{format_duration(round(event.elapsed_s, 1))}: {event.kind}: {event.message}")

    def on_end(self, end: End) -> None:
        """The run is over."""
        received = "" if end.received is None else f" after {format_count(end.received)} packets"
        message = f": {end.message}" if end.message and end.ending is not Ending.FINISHED else ""
        self._say(f"{end.ending.value}{received}{message}")

    def _say(self, text: str) -> None:
        print(f"zcbench: {one_line(text)}", file=self._stream or sys.stderr, flush=True)


def heartbeat(run: RunInfo, row: Row) -> str:
    """One line on where the run is."""
    counted = heap_of(lambda name: row.get(name) is not None, traced=run.tracemalloc)
    heap = row.get(counted.name)
    rss = row.get(RSS_BYTES)
    parts = [
        f"{format_duration(round(float(row.get('elapsed_s') or 0.0), 1))}",
        f"{progress(run, row) * 100:.1f} %",
    ]
    if counts_packets(run, row):
        parts.append(f"{format_count(row.get('engine.delivered') or 0)} packets")
    if counts_packets(run, row) and (rate := row.get(RATE_PER_S)) is not None:
        parts.append(format_rate(rate))
    if heap is not None:
        named = "heap" if counted.name in STANDARD else counted.label or counted.name
        parts.append(f"{named} {format_bytes(heap)}")
    if rss is not None:
        parts.append(f"RSS {format_bytes(rss)}")
    if (rate_said := hit_rate_said(row)) is not None:
        parts.append(rate_said)
    if "worker" not in run.subject.promised and (open_now := opened(row)):
        parts.append(open_now)
    for label, name in (
        ("gaps", CONSUMER_GAPS),
        ("drops", ENGINE_DROPS),
        ("xruns", ENGINE_XRUNS),
    ):
        if value := row.get(name):
            parts.append(f"{label} {format_count(value)}")
    return ", ".join(parts)
