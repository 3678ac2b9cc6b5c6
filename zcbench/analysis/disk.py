"""What a subject left on the disk and printed, against what it may."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zcbench.analysis.resources import marks, staircase
from zcbench.analysis.totals import Totals, count
from zcbench.quantities.names import OUTPUT_BYTES, TEMPORARY_BYTES
from zcbench.record.reader import Record
from zcbench.record.schema import Event, EventKind


@dataclass(frozen=True)
class Disk:
    """Files left after the end, ``temporary`` ones and others, and their ``size`` in bytes; ``more`` says that
    there are more than were counted. ``printed`` is all output in bytes. None: not measured. ``marks`` are the
    lowest counts of temporary files in each block of the stream."""

    temporary: int | None
    elsewhere: int | None
    size: int | None
    more: bool
    printed: int | None
    marks: tuple[int, ...]
    names: tuple[str, ...]

    @property
    def files(self) -> int | None:
        """All files that are left."""
        known = [n for n in (self.temporary, self.elsewhere) if n is not None]
        return sum(known) if known else None

    @property
    def climbs(self) -> bool:
        """Whether temporary files pile up during the stream, whatever its end removes."""
        return staircase(np.asarray(self.marks, dtype=np.float64))


def disk(record: Record, found: Totals) -> Disk:
    """What the record says of it."""
    temporary = _last(record, EventKind.TEMPORARY_FILES)
    elsewhere = _last(record, EventKind.WRITTEN_FILES)
    events = [event for event in (temporary, elsewhere) if event is not None]
    size = sum(_number(event, "bytes") or 0 for event in events) if events else None
    files = _number(temporary, "files")
    if record.run.subject.kind == "imported":  # counted in a column, to the log's end
        files, size = count(found, "temporary_files"), count(found, TEMPORARY_BYTES)
    return Disk(
        files,
        _number(elsewhere, "files"),
        size,
        any(event.data.get("whole") is False for event in events),
        count(found, OUTPUT_BYTES),
        marks(record, record.samples["temporary_files"]),
        tuple(str(name) for event in events for name in event.data.get("names", [])),
    )


def _last(record: Record, kind: str) -> Event | None:
    return next((event for event in reversed(record.events) if event.kind == kind), None)


def _number(event: Event | None, key: str) -> int | None:
    return None if event is None else int(event.data.get(key, 0))
