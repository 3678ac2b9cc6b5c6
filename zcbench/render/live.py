"""The live view: a run as it goes on, on a terminal.

rich is imported when something is shown, not before: a run with ``--quiet`` does not pay for it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from zcbench.foreign import one_line, plain
from zcbench.quantities.heaps import heap_of
from zcbench.quantities.names import (
    CONSUMER_CORRUPT_BEFORE_RETURN,
    CONSUMER_CORRUPT_ON_DELIVERY,
    CONSUMER_GAPS,
    ENGINE_DROPS,
    ENGINE_XRUNS,
    POOL_IN_FLIGHT,
    POOL_SLOTS,
    RATE_PER_S,
    RSS_BYTES,
)
from zcbench.quantities.quantity import Quantity
from zcbench.quantities.units import format_bytes, format_count, format_duration, format_rate
from zcbench.record.capabilities import Capability
from zcbench.record.schema import End, Event, Phase, RunInfo
from zcbench.render.progress import (
    UNICODE,
    Row,
    bar,
    counts_packets,
    has_pool,
    hit_rate_said,
    ink_for,
    opened,
    progress,
    sparkline,
    time_left_s,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.text import Text

REFRESH_S = 0.5  # at most two pictures a second
MOST_CPU = 0.005  # of a core; half of what a live view may cost, since drawing is not all of it
HISTORY = 40  # readings in a sparkline: the view's memory does not depend on the run's length
EVENTS = 4

_PHASES = ("starting", "running", "draining", "done")


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
        self._ink = UNICODE
        self._run: RunInfo | None = None
        self._row: Row = {}
        self._memory: dict[str, deque[float]] = {name: deque(maxlen=HISTORY) for name in ("heap", "RSS")}
        self._events: deque[Event] = deque(maxlen=EVENTS)
        self._next_s = float("-inf")
        self.pictures = 0

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.live import Live

        console = self._console or Console(stderr=True)
        self._ink = ink_for(console.encoding)
        # Drawn by the events of the run alone: a refreshing thread would draw the same picture again.
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False)
        self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
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
        for name, value in (("heap", self._heap()), ("RSS", row.get(RSS_BYTES))):
            if value is not None:
                self._memory[name].append(float(value))
        self._draw()

    def on_page(self, row: Row) -> None:
        """The page was read between two samples: newer counters, but no sample."""
        self._row = dict(row)
        self._draw()

    def on_event(self, event: Event) -> None:
        """Something happened."""
        self._events.append(event)
        self._draw()

    def on_end(self, end: End) -> None:
        """The run is over: one last picture, however recent the one before."""
        self._events.append(
            Event(elapsed_s=end.elapsed_s or 0.0, kind=end.ending.value, message=end.message or "over")
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
            *self._packets(),
            *self._memory_line("heap"),
            *self._memory_line("RSS"),
            *self._pool(),
            *self._opened(),
            *(
                Text(f"  {format_duration(round(e.elapsed_s, 1)):>12}  {e.kind}: {one_line(e.message)}")
                for e in self._events
            ),
        ]
        for line in lines:
            line.plain = plain(line.plain)
            line.no_wrap, line.overflow = True, "ellipsis"
        return Group(*lines)

    # -- lines

    def _title(self) -> Text:
        from rich.text import Text

        assert self._run is not None
        scenario = self._run.scenario
        # Who tells no phase runs from its first sample on.
        silent = Phase.RUNNING if self._row and not self._promises("worker") else Phase.STARTING
        phase = int(silent if (told := self._row.get("phase")) is None else told)
        return Text.assemble(
            (scenario.name, "bold"),
            f"  {self._run.about}  ",
            (_PHASES[phase] if phase < len(_PHASES) else "running", "cyan"),
        )

    def _progress(self) -> Text:
        from rich.text import Text

        assert self._run is not None
        share = progress(self._run, self._row)
        left_s = time_left_s(self._run, self._row)
        left = "" if left_s is None else f"  {format_duration(round(left_s))} left"
        return Text.assemble((bar(share, 30, self._ink), "green"), f" {share * 100:5.1f} %{left}")

    def _packets(self) -> list[Text]:
        from rich.text import Text

        row = self._row
        if self._run is None or not counts_packets(self._run, row):
            return []
        shown = Text(f"packets {format_count(row.get('engine.delivered') or 0)}")
        if self._run is not None and self._run.due_packets is not None:
            shown.append(f" of {format_count(self._run.due_packets)}")
        rate = row.get(RATE_PER_S)
        if rate is not None:
            shown.append(f"  {format_rate(rate)}")
        for label, name in (
            ("gaps", CONSUMER_GAPS),
            ("drops", ENGINE_DROPS),
            ("xruns", ENGINE_XRUNS),
            ("corrupt", CONSUMER_CORRUPT_ON_DELIVERY),
            ("corrupt while held", CONSUMER_CORRUPT_BEFORE_RETURN),
        ):
            if value := row.get(name):
                shown.append(f"  {label} {format_count(value)}", "bold red")
        return [shown]

    def _memory_line(self, name: str) -> list[Text]:
        from rich.text import Text

        history = self._memory[name]
        if not history and name == "heap" and not self._promises("heap"):
            return []
        label = self._heap_label() if name == "heap" else name
        if not history:
            return [Text(f"{label:<11} not measured yet", "dim")]
        shown = Text.assemble(
            f"{label:<11} {format_bytes(history[-1]):>12}  ",
            (sparkline(history, self._ink), "blue"),
        )
        return [shown]

    def _promises(self, capability: Capability) -> bool:
        return self._run is not None and capability in self._run.subject.promised

    def _opened(self) -> list[Text]:
        from rich.text import Text

        said = "" if self._promises("worker") else opened(self._row)
        return [Text(f"{'open':<11} {said}")] if said else []

    def _pool(self) -> list[Text]:
        from rich.text import Text

        row = self._row
        if self._run is None or not has_pool(self._run, row):
            return []
        slots, in_flight = int(row.get(POOL_SLOTS) or 0), int(row.get(POOL_IN_FLIGHT) or 0)
        share = in_flight / slots if slots else 0.0
        rate = f"  {said}" if (said := hit_rate_said(row)) else ""
        shown = Text.assemble(
            f"{'pool':<11} ",
            (bar(share, 12, self._ink), "red" if share >= 1 else "green"),
            f" {format_count(in_flight)} of {format_count(slots)} slots, "
            f"high water {format_count(row.get('pool.high_water') or 0)}{rate}",
        )
        return [shown]

    def _heap(self) -> int | float | None:
        return self._row.get(self._heap_quantity().name)

    def _heap_label(self) -> str:
        one = self._heap_quantity()
        return one.label or one.name

    def _heap_quantity(self) -> Quantity:
        traced = self._run is not None and self._run.tracemalloc
        return heap_of(lambda name: self._row.get(name) is not None, traced=traced)
