"""What reads quantities from a subject, as the sampler sees it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

from zcbench.probes.process import Process
from zcbench.quantities.quantity import Quantity
from zcbench.record.schema import EventKind

Number = int | float
Processes = Callable[[], Sequence[Process]]  # what the subject consists of at the call


@dataclass(frozen=True)
class Notice:
    """What a probe says once, as an event: what it cannot read, a restart that it saw, an inventory."""

    kind: str  # "probe", "inventory": the event's kind
    message: str
    data: Mapping[str, Any] = field(default_factory=dict)


class Sayings:
    """What ``probe`` has to say until somebody takes it: each sentence once, ``most`` of them in all."""

    def __init__(self, probe: str, most: float = math.inf) -> None:
        self._probe, self._most = probe, most
        self._told: set[str] = set()
        self._waiting: list[Notice] = []

    def tell(self, message: str, more: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Say ``message``, with ``more`` in its data, if it was not said before."""
        if message not in self._told and len(self._told) < self._most:
            self._told.add(message)
            self.add(Notice(EventKind.PROBE, message, {"probe": self._probe, **more}))

    def add(self, notice: Notice) -> None:
        """Say something of another kind."""
        self._waiting.append(notice)

    def take(self) -> tuple[Notice, ...]:
        """What there was to say since the last call."""
        waiting, self._waiting = tuple(self._waiting), []
        return waiting


class Probe(Protocol):
    """Reads some quantities of one subject, once a sample.

    The order of calls is ``environment``, the subject's start, ``begin``, ``quantities``, then ``read`` and
    ``notices`` at each sample, and ``close``. All of them are called by the sampler's thread; ``read`` must
    return at once: what may take time (an endpoint) is read by a thread of the probe's own.
    """

    name: str  # "malloc": what its cost and its notices are filed under
    background_ns: int  # CPU time of threads of its own so far; 0 without

    def environment(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """Variables to start the subject with, beside those ``given``: this process's, the user's, those of
        the probes before. One that is given already is the probe's to extend."""
        ...

    def begin(self, processes: Processes) -> None:
        """Get ready to read the subject, which has been started."""
        ...

    def quantities(self) -> tuple[Quantity, ...]:
        """What it reads. Fixed once it has begun: they are columns of the record."""
        ...

    def read(self) -> Mapping[str, Number | None]:
        """The readings of now, by name; None or absent is a reading that could not be made."""
        ...

    def notices(self) -> Sequence[Notice]:
        """What it has to say since the last call."""
        ...

    def close(self) -> None:
        """Stop reading; the subject may have ended or not."""
        ...


@runtime_checkable
class Listening(Protocol):
    """A probe that is given what the subject prints, piece by piece, by a thread that reads nothing else
    meanwhile: ``hear`` must return at once."""

    def hear(self, piece: bytes) -> None:
        """Take the next piece of the output."""
        ...
