"""Who watches a run while it goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from zcbench.record.schema import End, Event, RunInfo


class Observer(Protocol):
    """Somebody who watches a run: a live view, a heartbeat, an exporter."""

    def on_start(self, run: RunInfo) -> None:
        """The run is about to start."""
        ...

    def on_sample(self, row: Mapping[str, int | float | None]) -> None:
        """A sample was taken; ``row`` maps metric names to values."""
        ...

    def on_event(self, event: Event) -> None:
        """Something happened."""
        ...

    def on_end(self, end: End) -> None:
        """The run is over."""
        ...


class Observers:
    """The observers of one run. One that fails is dropped, and the run goes on."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._observers = list(observers)

    def tell(self, news: Callable[[Observer], None]) -> None:
        """Call ``news`` with each observer."""
        for observer in tuple(self._observers):
            try:
                news(observer)
            except Exception as error:
                self._observers.remove(observer)
                print(f"zcbench: the view failed and was dropped: {error!r}", file=sys.stderr)
