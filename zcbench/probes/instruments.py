"""All probes of one subject: asked one after another, and what each costs."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from zcbench.probes.probe import Notice, Number, Probe, Processes
from zcbench.quantities.quantity import Kind, Origin, Quantity
from zcbench.quantities.units import NS
from zcbench.record.schema import EventKind

T = TypeVar("T")


class Instruments:
    """The probes of one run. One that raises is told of once; its readings are missing, the others' are not."""

    def __init__(self, probes: Sequence[Probe]) -> None:
        self._probes = tuple(probes)
        self._costs_ns = {probe.name: 0 for probe in self._probes}
        self._failed: set[str] = set()
        self._notices: list[Notice] = []

    @property
    def names(self) -> tuple[str, ...]:
        """What they are called."""
        return tuple(probe.name for probe in self._probes)

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """The variables that the subject is started with: those ``given``, and the probes'."""
        found = dict(given)
        for probe in self._probes:
            found.update(self._try(probe, functools.partial(probe.environment, found)) or {})
        return found

    def begin(self, processes: Processes) -> None:
        """Begin each probe; the subject has been started."""
        for probe in self._probes:
            self._try(probe, functools.partial(probe.begin, processes))

    def quantities(self) -> tuple[Quantity, ...]:
        """What they read, and the CPU time that each takes which reads anything."""
        read = tuple(metric for probe in self._probes for metric in probe.quantities())
        return read + tuple(_cost(name) for name in self._costs_ns if name in self._reading())

    def read(self) -> dict[str, Number | None]:
        """The readings of now, by name. What one reads replaces what an earlier probe has read."""
        row: dict[str, Number | None] = {}
        for probe in self._probes:
            row |= self._try(probe, probe.read) or {}
        # Two endpoints are two probes of one name.
        costs_ns = dict(self._costs_ns)
        for probe in self._probes:
            costs_ns[probe.name] += probe.background_ns
        reading = self._reading()
        return row | {_cost_name(name): cost_ns for name, cost_ns in costs_ns.items() if name in reading}

    def _reading(self) -> set[str]:
        return {probe.name for probe in self._probes if probe.quantities()}

    def notices(self) -> tuple[Notice, ...]:
        """What they have to say since the last call."""
        for probe in self._probes:
            self._notices += self._try(probe, probe.notices) or ()
        notices, self._notices = tuple(self._notices), []
        return notices

    def close(self) -> None:
        """Close each probe."""
        for probe in self._probes:
            self._try(probe, probe.close)

    def _try(self, probe: Probe, ask: Callable[[], T]) -> T | None:
        started_ns = time.thread_time_ns()
        try:
            return ask()
        except Exception as error:
            if probe.name not in self._failed:
                self._failed.add(probe.name)
                message = f"the probe {probe.name} failed, its readings are missing: {error!r}"
                self._notices.append(Notice(EventKind.PROBE, message, {"probe": probe.name}))
            return None
        finally:
            self._costs_ns[probe.name] += time.thread_time_ns() - started_ns


def _cost_name(probe: str) -> str:
    return f"probe.{probe}.cost_ns"


def _cost(probe: str) -> Quantity:
    title = f"CPU time that the supervisor spent on the probe {probe}"
    return Quantity(_cost_name(probe), NS, Kind.TOTAL, Origin.SUPERVISOR, title)
