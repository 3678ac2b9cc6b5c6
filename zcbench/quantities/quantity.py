"""What is known of one number: its name, unit and kind, who measures it, what it means.

::

    Quantity("jitter.depth", unit_of("packets"), Kind.GAUGE, Origin.SUBJECT, "packets in the jitter buffer")
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from zcbench.quantities.formula import Formula
from zcbench.quantities.units import Unit


class Origin(StrEnum):
    """Who measures a quantity. Those up to ``PROBE`` lie on the engine's page, one cache line group each,
    so that two writers never share a line."""

    STATIC = "static"  # written once, before the stream starts
    KEEPER = "keeper"  # the maintenance of an adaptive pool; else written once
    PRODUCER = "producer"  # the audio callback or the replay driver
    SHARED = "shared"  # producer and returning threads
    RETURNER = "returner"  # whichever thread drops the last claim on a lease
    READER = "reader"  # the thread that calls read()
    CONSUMER = "consumer"  # the worker's consumer loop
    PROBE = "probe"  # the worker's probe thread
    PROCESS = "process"  # read from outside, by the supervisor
    ALLOCATOR = "allocator"  # a meter in the subject's malloc, or its allocator's own statistics
    RUNTIME = "runtime"  # the subject's language runtime: V8, JVM, CPython, Go
    SUBJECT = "subject"  # published by the subject: on its page, as JSON lines, by a metrics endpoint
    SUPERVISOR = "supervisor"  # about the supervisor itself
    DERIVED = "derived"  # computed at every sample from the others
    ANALYSIS = "analysis"  # computed of a whole run, when it is judged


ON_PAGE = (
    Origin.STATIC,
    Origin.KEEPER,
    Origin.PRODUCER,
    Origin.SHARED,
    Origin.RETURNER,
    Origin.READER,
    Origin.CONSUMER,
    Origin.PROBE,
)


class Kind(StrEnum):
    """How a quantity behaves over time."""

    TOTAL = "total"  # a running total: it only rises
    GAUGE = "gauge"  # a level, which may fall
    RATIO = "ratio"  # a quotient of totals: over a window, of their rises
    PACE = "pace"  # the rise a second of a total that its formula gives
    HISTOGRAM = "histogram"  # of times, in ns


class Better(StrEnum):
    """Which change of a quantity is an improvement."""

    HIGHER = "higher"
    LOWER = "lower"
    NEARER_ZERO = "nearer 0"
    NEITHER = "neither"


class Reckoning(StrEnum):
    """How the bytes of a memory quantity are counted: what a judgement may rest on."""

    EXACT = "exact"  # every allocation and free: a byte that is not freed stays counted
    MANAGED = "managed"  # a collector frees at its own time: only readings after a collection compare
    PAGES = "pages"  # whole pages, shared and kept by the allocator: may fail a run, never pass one


@dataclass(frozen=True, slots=True)
class Memory:
    """``resolution_bytes`` is the smallest step that a change shows in."""

    reckoning: Reckoning
    resolution_bytes: int


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number that is measured or derived.

    ``title`` says what it is, in a phrase; ``label`` is a short noun for tables. ``aliases`` are other names
    that a person may use. A derived one has a ``formula``, of other quantities' names.
    """

    name: str
    unit: Unit
    kind: Kind
    origin: Origin
    title: str
    better: Better = Better.NEITHER
    aliases: tuple[str, ...] = ()
    formula: Formula | None = None
    memory: Memory | None = None
    label: str = ""

    @property
    def column(self) -> str:
        """Its column in ``samples.csv``, or its word on the page: the name with ``_`` for ``.``."""
        column = self.name.replace(".", "_")
        return f"{column}_ns" if self.kind is Kind.HISTOGRAM else column

    @property
    def cumulative(self) -> bool:
        """Whether it is a running total."""
        return self.kind is Kind.TOTAL

    @property
    def is_sampled(self) -> bool:
        """Whether ``samples.csv`` has a column for it."""
        return self.kind is not Kind.HISTOGRAM and self.formula is None and self.origin is not Origin.ANALYSIS

    @property
    def is_on_page(self) -> bool:
        """Whether it is a counter on the page of an engine that runs in our worker."""
        return self.origin in ON_PAGE and self.is_sampled

    @property
    def short(self) -> str:
        """The name without a unit at its end: "rss" of "rss_bytes"."""
        for ending in ("_bytes", "_ns", "_s"):
            if self.name.endswith(ending) and not self.name.endswith("_per_s"):
                return self.name.removesuffix(ending)
        return self.name

    def named(self, name: str) -> Quantity:
        """The same under another name, without aliases."""
        return replace(self, name=name, aliases=())
