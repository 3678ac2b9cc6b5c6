"""What the agents in all Node processes of a subject publish, as one row."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from zcbench.clock import now_ns
from zcbench.probes.agents import PATIENCE, AgentPages
from zcbench.probes.probe import Notice, Number, Sayings
from zcbench.probes.runtimes import Setting
from zcbench.probes.v8.loops import ACTIVE, IDLE, Loops
from zcbench.quantities.names import EVENT_LOOP_UTILIZATION
from zcbench.quantities.quantity import Quantity
from zcbench.quantities.registry import VOCABULARY

NAME = "v8"
MOST_TOLD = 64  # sentences of one run
# A settled collection each 12.5 s took 15 % of a service's requests at full load: 2 s of work each. One each
# 100 s takes some 2 %.
SELDOM_S = 100.0
BUSY = 0.7  # of the time
BUSY_FOR = 3.0  # times the time between two collections: a start alone is no load
UNREAD = "v8.unread_threads"  # an agent's total: worker threads that its thread has started without one
_NOTES = "*.note"
_LONGEST_NOTE = 2_000  # letters: a stack


class NodePages:
    """The agents' pages of one subject, and what there is to say of them."""

    def __init__(self, setting: Setting) -> None:
        self.pages = AgentPages(NAME, setting)
        self._setting = setting
        self._loops = Loops(setting.sample_every_s)
        self._columns: dict[str, Quantity] = {}
        self._sayings = Sayings(NAME, MOST_TOLD)
        self._busy_samples = 0

    def read(self) -> dict[str, Number | None]:
        """The readings of now, by name."""
        row = self.pages.read()
        for sentence in self._stopped():
            self.tell(sentence)
        if not row:
            return row
        now = now_ns()
        for name in (IDLE, ACTIVE):
            row.pop(name, None)
        self._loops.columns(self.pages.readings(), row, now)
        if row.get(UNREAD):
            self.tell(
                "worker threads were started with an env or execArgv of their own, which leaves the probe out: "
                "their heaps are not read"
            )
        self.tell_of_cost(row.get(EVENT_LOOP_UTILIZATION))
        if self._setting.gc_every_s is not None:
            for pid in self._loops.blocked(now, round(PATIENCE * self._setting.gc_every_s * 1e9)):
                self.tell(
                    f"the event loop of process {pid} has not turned for {PATIENCE} times the time between "
                    "collections: nothing is collected in it meanwhile, and its heap is not known"
                )
        self._columns |= {name: VOCABULARY[name] for name in row if name in VOCABULARY}
        return row

    def tell_of_cost(self, utilization: Number | None) -> None:
        """Say once what frequent collections take from a loop that is busy."""
        every_s = self._setting.gc_every_s
        if every_s is None or every_s >= SELDOM_S or utilization is None or utilization < BUSY:
            return
        self._busy_samples += 1
        if self._busy_samples * self._setting.sample_every_s >= BUSY_FOR * every_s:
            self.tell(
                f"the event loop is busy for {utilization:.0%} of the time: settled collections each "
                f"{every_s:g} s slow such a service, as V8 optimises functions anew after each (by some 15 % "
                f'at one each 12.5 s); where throughput counts: gc.every = "{SELDOM_S:g}s" or "natural"'
            )

    def quantities(self) -> tuple[Quantity, ...]:
        """Those of an agent, and of an event loop."""
        declared = {one.name: one for one in self.pages.quantities() if one.name not in (IDLE, ACTIVE)}
        return tuple((declared | self._columns).values())

    def _stopped(self) -> Iterator[str]:
        """Why agents have stopped, each once."""
        for path in self.pages.folder.glob(_NOTES):
            with contextlib.suppress(OSError):
                why = path.read_text(errors="replace")[:_LONGEST_NOTE].splitlines()
                path.unlink()
                pid = path.name.partition(".")[0]
                yield f"V8's heap in process {pid} is not read any more: {why[0] if why else 'no reason'}"

    def tell(self, message: str) -> None:
        """Say ``message`` once."""
        self._sayings.tell(message)

    def notices(self) -> tuple[Notice, ...]:
        """What there was to say since the last call."""
        return *self._sayings.take(), *self.pages.notices()
