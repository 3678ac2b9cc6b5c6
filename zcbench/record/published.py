"""What stands on a program's page at the end of its run: the last word on what it publishes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from zcbench.page.histogram import Histogram
from zcbench.page.layout import PageError, State
from zcbench.page.reader import PageReader, Reading
from zcbench.record.schema import PAGE_FILE


@dataclass(frozen=True)
class Published:
    """``says_done``: each process that opened a page says that it is done, so that nothing moves any more.
    ``histograms`` are those of all pages together."""

    says_done: bool = False
    histograms: Mapping[str, Histogram] = field(default_factory=dict)


NOTHING = Published()  # of a subject without a page of its own


def read_published(directory: Path) -> Published:
    """Of the pages in a run directory; one that cannot be read says nothing."""
    readings: list[Reading] = []
    for path in (directory / PAGE_FILE, *sorted(directory.glob(f"{PAGE_FILE}.*"))):
        with contextlib.suppress(OSError, PageError), PageReader(path) as reader:
            reading = reader.read(settle=False)
            readings += [reading] if reading.header.pid else []
    names = {name for reading in readings for name in reading.histograms}
    done = bool(readings) and all(reading.state is State.DONE for reading in readings)
    return Published(done, {name: together(r.histograms.get(name) for r in readings) for name in names})


def together(histograms: Iterable[Histogram | None]) -> Histogram:
    """One histogram of the readings of all."""
    whole = Histogram.empty()
    for one in histograms:
        if one is not None:
            count, total_ns = whole.count + one.count, whole.total_ns + one.total_ns
            whole = Histogram(count, total_ns, max(whole.max_ns, one.max_ns), whole.buckets + one.buckets)
    return whole
