"""The console: a live view on a terminal, heartbeat lines without one, and the closing summary.

rich is imported when something is shown, not before: a run with ``--quiet`` does not pay for it.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

from zcbench.record.schema import End, Ending, Event, Finding, Result, RunInfo
from zcbench.units import format_bytes, format_count, format_duration, format_rate

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.text import Text

    from zcbench.record.reader import Record

Row = Mapping[str, int | float | None]

REFRESH_S = 0.5  # at most two pictures a second
MOST_CPU = (
    0.005  # share of a core; half of what a live view may cost, since drawing is not all of it
)
HISTORY = 40  # readings in a sparkline: the view's memory does not depend on the run's length
EVENTS = 4
HEARTBEAT_S = 10.0
SUMMARY_LINES = 24

_BLOCKS = "▁▂▃▄▅▆▇█"
_PHASES = ("starting", "running", "draining", "done")
_STYLES = {"pass": "green", "fail": "red", "inconclusive": "yellow", "skipped": "dim"}
_MARKS = {"fail": "FAIL", "inconclusive": "?", "pass": "ok", "skipped": "-"}  # worst first


class LiveView:
    """Watches a run on a terminal: progress, rate, memory, pool and the newest events.

    An observer of the supervisor, and the context in which the picture is up. Draws when a sample or an
    event comes, at most twice a second, and less often if drawing is dear: it stays below 1 % of a core.
    """

    def __init__(
        self,
        console: Console | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        cpu_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._console = console
        self._clock, self._cpu_clock = clock, cpu_clock
        self._live: Live | None = None
        self._run: RunInfo | None = None
        self._row: Row = {}
        self._memory: dict[str, deque[float]] = {
            name: deque(maxlen=HISTORY) for name in ("heap", "RSS")
        }
        self._events: deque[Event] = deque(maxlen=EVENTS)
        self._next_s = float("-inf")
        self.pictures = 0

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.live import Live

        console = self._console or Console(stderr=True)
        # Drawn by the events of the run alone: a refreshing thread would draw the same picture again.
        self._live = Live(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False
        )
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def on_start(self, run: RunInfo) -> None:
        """The run is about to start."""
        self._run = run
        self._draw()

    def on_sample(self, row: Row) -> None:
        """A sample was taken; ``row`` maps metric names to values."""
        self._row = dict(row)
        for name, value in (("heap", self._heap()), ("RSS", row.get("rss_bytes"))):
            if value is not None:
                self._memory[name].append(float(value))
        self._draw()

    def on_event(self, event: Event) -> None:
        """Something happened."""
        self._events.append(event)
        self._draw()

    def on_end(self, end: End) -> None:
        """The run is over: one last picture, however recent the one before."""
        self._events.append(
            Event(
                elapsed_s=end.elapsed_s or 0.0, kind=end.ending.value, message=end.message or "over"
            )
        )
        self._next_s = float("-inf")
        self._draw()

    def _draw(self) -> None:
        now = self._clock()
        if self._live is None or self._run is None or now < self._next_s:
            return
        began = self._cpu_clock()
        self._live.update(self.picture(), refresh=True)
        self.pictures += 1
        cost_s = self._cpu_clock() - began
        # The dearer a picture (a large terminal, a slow link), the longer until the next one.
        self._next_s = now + max(REFRESH_S, cost_s / MOST_CPU)

    def picture(self) -> RenderableType:
        """What is shown now. Raises ValueError before :meth:`on_start`."""
        from rich.console import Group
        from rich.text import Text

        if self._run is None:
            raise ValueError("there is no run to show yet")
        lines = [
            self._title(),
            self._progress(),
            self._packets(),
            self._memory_line("heap"),
            self._memory_line("RSS"),
            self._pool(),
            *(
                Text(
                    f"  {format_duration(round(e.elapsed_s, 1)):>12}  {e.kind}: {_line(e.message)}"
                )
                for e in self._events
            ),
        ]
        for line in lines:
            line.no_wrap, line.overflow = True, "ellipsis"
        return Group(*lines)

    # -- lines

    def _title(self) -> Text:
        from rich.text import Text

        assert self._run is not None
        scenario = self._run.scenario
        phase = int(self._row.get("phase") or 0)
        parts = (scenario.engine, scenario.source.kind, scenario.consumer.kind)
        return Text.assemble(
            (scenario.name, "bold"),
            f"  {' / '.join(parts)}  ",
            (_PHASES[phase] if phase < len(_PHASES) else "running", "cyan"),
        )

    def _progress(self) -> Text:
        from rich.text import Text

        assert self._run is not None
        share = progress(self._run, self._row)
        left_s = time_left_s(self._run, self._row)
        left = "" if left_s is None else f"  {format_duration(round(left_s))} left"
        return Text.assemble((bar(share, 30), "green"), f" {share * 100:5.1f} %{left}")

    def _packets(self) -> Text:
        from rich.text import Text

        row = self._row
        shown = Text(f"packets {format_count(row.get('engine.delivered') or 0)}")
        if self._run is not None and self._run.due_packets is not None:
            shown.append(f" of {format_count(self._run.due_packets)}")
        rate = row.get("rate_per_s")
        if rate is not None:
            shown.append(f"  {format_rate(rate)}")
        for label, name in (
            ("gaps", "consumer.gaps"),
            ("drops", "engine.drops"),
            ("xruns", "engine.xruns"),
            ("corrupt", "consumer.corrupt_on_delivery"),
            ("corrupt while held", "consumer.corrupt_before_return"),
        ):
            if value := row.get(name):
                shown.append(f"  {label} {format_count(value)}", "bold red")
        return shown

    def _memory_line(self, name: str) -> Text:
        from rich.text import Text

        history = self._memory[name]
        label = self._heap_label() if name == "heap" else name
        if not history:
            return Text(f"{label:<11} not measured yet", "dim")
        return Text.assemble(
            f"{label:<11} {format_bytes(history[-1]):>12}  ", (sparkline(history), "blue")
        )

    def _pool(self) -> Text:
        from rich.text import Text

        row = self._row
        slots, in_flight = int(row.get("pool.slots") or 0), int(row.get("pool.in_flight") or 0)
        share = in_flight / slots if slots else 0.0
        hits, misses = row.get("pool.hits") or 0, row.get("pool.misses") or 0
        rate = f"  hit rate {percent(hits, hits + misses)}" if hits + misses else ""
        return Text.assemble(
            f"{'pool':<11} ",
            (bar(share, 12), "red" if share >= 1 else "green"),
            f" {format_count(in_flight)} of {format_count(slots)} slots, "
            f"high water {format_count(row.get('pool.high_water') or 0)}{rate}",
        )

    def _heap(self) -> int | float | None:
        traced = self._run is not None and self._run.tracemalloc
        return self._row.get("python_heap_bytes" if traced else "native_heap_bytes")

    def _heap_label(self) -> str:
        return "Python heap" if self._run is not None and self._run.tracemalloc else "native heap"


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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        pass

    def on_start(self, run: RunInfo) -> None:
        """The run is about to start."""
        self._run, self._next_s = run, 0.0
        scenario = run.scenario
        parts = (scenario.engine, scenario.source.kind, scenario.consumer.kind)
        self._say(f"{scenario.name}: {' / '.join(parts)}, {format_duration(scenario.duration)}")

    def on_sample(self, row: Row) -> None:
        """A sample was taken; a line is due at the first one after each interval."""
        elapsed_s = float(row.get("elapsed_s") or 0.0)
        if self._run is None or elapsed_s < self._next_s:
            return
        # On the grid of the intervals, so that a late sample does not make all later lines late.
        self._next_s = (elapsed_s // self._every_s + 1) * self._every_s
        self._say(heartbeat(self._run, row))

    def on_event(self, event: Event) -> None:
        """Something happened."""
        self._say(f"{format_duration(round(event.elapsed_s, 1))}: {event.kind}: {event.message}")

    def on_end(self, end: End) -> None:
        """The run is over."""
        received = "" if end.received is None else f" after {format_count(end.received)} packets"
        message = f": {end.message}" if end.message and end.ending is not Ending.FINISHED else ""
        self._say(f"{end.ending.value}{received}{message}")

    def _say(self, text: str) -> None:
        print(f"zcbench: {_line(text)}", file=self._stream or sys.stderr, flush=True)


def heartbeat(run: RunInfo, row: Row) -> str:
    """One line on where the run is."""
    heap = row.get("python_heap_bytes" if run.tracemalloc else "native_heap_bytes")
    rss, hits, misses = row.get("rss_bytes"), row.get("pool.hits"), row.get("pool.misses")
    parts = [
        f"{format_duration(round(float(row.get('elapsed_s') or 0.0), 1))}",
        f"{progress(run, row) * 100:.1f} %",
        f"{format_count(row.get('engine.delivered') or 0)} packets",
    ]
    if (rate := row.get("rate_per_s")) is not None:
        parts.append(format_rate(rate))
    if heap is not None:
        parts.append(f"heap {format_bytes(heap)}")
    if rss is not None:
        parts.append(f"RSS {format_bytes(rss)}")
    if hits is not None and misses is not None and hits + misses:
        parts.append(f"hit rate {percent(hits, hits + misses)}")
    for label, name in (("gaps", "consumer.gaps"), ("drops", "engine.drops")):
        if value := row.get(name):
            parts.append(f"{label} {format_count(value)}")
    return ", ".join(parts)


def progress(run: RunInfo, row: Row) -> float:
    """How much of the run is done, 0..1: in packets where their number is known, else in time."""
    if run.due_packets:
        done = float(row.get("engine.delivered") or 0) / run.due_packets
    else:
        done = float(row.get("elapsed_s") or 0.0) / run.scenario.duration
    return min(1.0, max(0.0, done))


def time_left_s(run: RunInfo, row: Row) -> float | None:
    """Seconds until the stream ends, by its pace; None while that is unknown."""
    if run.due_packets is None:
        return max(0.0, run.scenario.duration - float(row.get("elapsed_s") or 0.0))
    missing = run.due_packets - float(row.get("engine.delivered") or 0)
    source = run.scenario.source
    pace = run.due_packets / run.scenario.duration * source.speed
    rate = row.get("rate_per_s") if source.unpaced else pace
    return max(0.0, missing / rate) if rate else None


def percent(part: float, whole: float) -> str:
    """``part`` of ``whole`` in percent, rounded down: "100.00 %" only if nothing is missing."""
    return f"{int(part) * 10_000 // int(whole) / 100:.2f} %"


def bar(share: float, width: int) -> str:
    """A bar of ``width`` characters, filled to ``share`` (0..1; more is full)."""
    full = round(min(1.0, max(0.0, share)) * width)
    return "█" * full + "░" * (width - full)


def sparkline(values: deque[float]) -> str:
    """One block per value, from the lowest to the highest seen; a flat line if nothing changed."""
    low, high = min(values), max(values)
    if high == low:
        return _BLOCKS[0] * len(values)
    top = len(_BLOCKS) - 1
    return "".join(_BLOCKS[round((value - low) / (high - low) * top)] for value in values)


def summary(record: Record, result: Result, width: int = 80) -> RenderableType:
    """The closing summary: verdict and reason, figures, findings. At most 24 lines of ``width`` columns."""
    from rich.console import Group
    from rich.text import Text

    from zcbench.render.markdown import headline

    style = _STYLES[result.verdict]
    lines = [
        Text.assemble(
            (result.verdict.upper(), f"bold {style}"),
            f"  {record.run.scenario.name}  (exit code {result.exit_code})",
        ),
        Text(_line(headline(result))),
        Text(),
        *(Text.assemble((f"{name:<14}", "dim"), value) for name, value in _figures(record, result)),
        Text(),
    ]
    room = SUMMARY_LINES - len(lines)
    # What went wrong first: it is what must not be cut off.
    findings = sorted(result.findings, key=lambda f: list(_MARKS).index(f.outcome))
    shown = findings if len(findings) <= room else findings[: room - 1]
    lines += [Text.assemble(_mark(f), f"{f.check}: {_line(f.sentence)}") for f in shown]
    if len(shown) < len(findings):
        lines.append(Text(f"and {len(findings) - len(shown)} more findings in the report", "dim"))
    for line in lines:
        line.truncate(width, overflow="ellipsis")
        line.no_wrap = True
    return Group(*lines)


def _mark(finding: Finding) -> tuple[str, str]:
    """The outcome in five columns, and its style; a failure that only warns is no FAIL."""
    if finding.outcome == "fail" and finding.level == "warn":
        return "warn ", "yellow"
    return f"{_MARKS[finding.outcome]:<5}", _STYLES[finding.outcome]


def _figures(record: Record, result: Result) -> list[tuple[str, str]]:
    from zcbench.analysis.delivery import delivery
    from zcbench.analysis.memory import gauge, heap_column
    from zcbench.render.markdown import signed_bytes

    found, seen = result.totals, delivery(record, result.totals)
    heap = gauge(record, heap_column(record))
    hits, misses = found["pool.hits"] or 0, found["pool.misses"] or 0
    rate = f", hit rate {percent(hits, hits + misses)}" if hits + misses else ""
    kind = "Python" if record.run.tracemalloc else "native"
    return [
        (
            "packets",
            f"{_count(seen.delivered)} delivered of {_count(seen.due)} due"
            + ("" if seen.rate_per_s is None else f", {format_rate(seen.rate_per_s)}"),
        ),
        ("duration", _known(seen.streamed_s, format_duration)),
        ("data", _known(found["engine.delivered_bytes"], format_bytes)),
        (
            "pool",
            f"{_count(found['pool.slots'])} slots, high water {_count(found['pool.high_water'])}, "
            f"{_count(found['pool.in_flight'])} in flight{rate}",
        ),
        (
            "memory",
            "heap not measured"
            if heap is None
            else f"{kind} heap {format_bytes(heap.final)}, {signed_bytes(heap.delta)} since warm-up",
        ),
    ]


def _known(value: float | None, show: Callable[[float], str]) -> str:
    return "not measured" if value is None else show(value)


def _count(value: float | None) -> str:
    return _known(value, format_count)


def _line(text: str) -> str:
    """``text`` on one line, without the control characters that could move a terminal's cursor."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
