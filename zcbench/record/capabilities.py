"""What was tested, and what it can be asked about: the kinds of subjects and their capabilities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from zcbench.quantities.quantity import Reckoning
from zcbench.quantities.registry import VOCABULARY, Registry

Kind = Literal["engine", "command", "attached", "call", "imported"]
Capability = Literal[
    "packets",  # it counts packets: captured, delivered or received
    "order",  # gaps, duplicates and disorder of its packets are counted
    "latency",  # how long its packets take to be delivered is measured
    "device",  # over- and underruns of an audio device are counted
    "pool",  # it counts what its buffer pool does
    "payload",  # its packets' bytes are compared with those that were captured
    "heap",  # bytes that it has allocated are counted exactly
    "malloc",  # each of its calls of malloc and free is counted
    "processes",  # its processes are read from outside
    "files",  # the files that it leaves and the text that it prints are counted
    "page",  # it counts on a shared page of the run
    "ending",  # its end was watched, not told by somebody else
    "pace",  # zcbench sets its pace, and knows what is due
    "laws",  # it, or its user, states laws that its numbers keep
    "copies",  # it counts the hand-overs of a buffer that copy it
    "event_loop",  # how late its event loop turns is measured
    "reports",  # a sanitizer that it runs under reported something
    "load",  # a load generator runs beside it
    "published",  # it publishes counters of its own
    "rest",  # each of its readings was taken between two calls of it, when nothing of it ran
    "worker",  # it runs in a worker of zcbench's, in Python, which counts for it and collects garbage
]

# What is said of a subject that a check cannot be asked about, by the capability that it lacks.
LACKING: Mapping[Capability, str] = {
    "packets": "nothing counts packets",
    "order": "nothing counts gaps, duplicates and disorder",
    "latency": "nothing measures how long a delivery takes",
    "device": "nothing counts over- and underruns of a device",
    "pool": "nothing counts what a pool of buffers does",
    "payload": "nothing compares the bytes of packets",
    "heap": "nothing counts the bytes that are allocated",
    "malloc": "nothing counts calls of malloc and free",
    "processes": "no process was read",
    "files": "nothing counts the files that it leaves, nor what it prints",
    "page": "nothing counts on a page",
    "ending": "nobody here saw the end",
    "pace": "nobody here set the pace",
    "laws": "nobody states a law",
    "copies": "nothing counts copies of buffers",
    "event_loop": "nothing measures how late an event loop turns",
    "reports": "no sanitizer reported anything",
    "load": "no load generator was named",
    "rest": "it is read while it runs",
    "published": "it publishes no counters",
    "worker": "it does not run in a worker of zcbench's",
}

# What every subject of a kind can be asked about; what else a subject counts shows in its record.
_OF_KIND: Mapping[Kind, tuple[Capability, ...]] = {
    "engine": (
        "packets",
        "order",
        "latency",
        "device",
        "pool",
        "payload",
        "heap",
        "processes",
        "files",
        "page",
        "ending",
        "pace",
        "worker",
    ),
    "call": ("heap", "processes", "files", "page", "ending", "worker"),
    "command": ("processes", "files", "ending"),
    "attached": ("processes", "ending"),
    "imported": (),
}

# A subject that has a reading of one of these can be asked: how their names begin.
_READ_FROM: Mapping[Capability, tuple[str, ...]] = {
    "packets": ("engine.", "consumer."),
    "order": ("consumer.gaps", "consumer.missing", "consumer.duplicates", "consumer.reordered"),
    "latency": ("delivery_",),
    "copies": ("pool.copies", "pool.external_refused"),
    "event_loop": ("event_loop.delay",),
    "device": ("engine.xruns", "consumer.xruns"),
    "pool": ("pool.",),
    "payload": (
        "consumer.checked",
        "consumer.corrupt",
        "consumer.aliased",
        "consumer.stale",
        "consumer.wrong_size",
        "pool.guard_violations",
        "pool.poison_violations",
    ),
    "malloc": ("malloc.",),
    "files": ("temporary_", "output_bytes"),
    "processes": ("rss", "uss", "fds", "threads", "children", "cpu_"),
}


class SubjectInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What was tested: its kind, and what it can be asked about beyond what its kind says.

    A capability that stands here was promised before the start: that its readings are missing is no reason
    not to ask. ``title`` is what people call the subject ("sleep 60"), ``file`` what was imported.
    """

    kind: Kind
    capabilities: tuple[Capability, ...] = ()
    title: str | None = None
    file: str | None = None
    pid: int | None = None  # of an attached process

    @property
    def called(self) -> str:
        """What people call it: "sleep 60", "process 4242", "soak.csv"."""
        if self.kind == "attached":
            # The title of some has the number already.
            title = (self.title or "").removesuffix(f"({self.pid})").strip()
            named = f" ({title})" if title else ""
            return f"process {self.pid}{named}"
        unnamed = "a file that was not named" if self.kind == "imported" else self.kind
        return self.title or self.file or unnamed

    @property
    def promised(self) -> frozenset[Capability]:
        """What it can be asked about whatever its record holds."""
        return frozenset({*_OF_KIND[self.kind], *self.capabilities})


ENGINE = SubjectInfo(kind="engine", capabilities=_OF_KIND["engine"])


def capabilities_of(names: Iterable[str], quantities: Registry = VOCABULARY) -> tuple[Capability, ...]:
    """What a record can be asked about that has readings of the quantities ``names``."""
    known = tuple(names)
    found = [
        capability
        for capability, starts in _READ_FROM.items()
        if any(name.startswith(starts) for name in known)
    ]
    # Memory that is more than pages: bytes that were asked for, and not given back.
    exact = (one for one in quantities.memory if one.memory and one.memory.reckoning is not Reckoning.PAGES)
    counted = {one.name for one in exact}
    return (*found, "heap") if counted.intersection(known) else tuple(found)
