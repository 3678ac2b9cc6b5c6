"""Following a run that goes on: what its directory has got since the last look, read-only."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec

from zcbench.files import open_regular
from zcbench.page.scoreboard import Scoreboard, ScoreboardError
from zcbench.quantities.names import CONSUMER_RECEIVED, ENGINE_DELIVERED
from zcbench.record.decoding import DamagedError, decode_event, readings
from zcbench.record.reader import quantities_of, read_events, read_run
from zcbench.record.samples import header_of
from zcbench.record.schema import (
    EVENTS_FILE,
    SAMPLES_FILE,
    SCOREBOARD_FILE,
    WORKER_EVENTS_FILE,
    End,
    Event,
    EventKind,
)
from zcbench.typed import prepared

Row = dict[str, int | float | None]


class Follower:
    """Reads a run's directory from where it left off. Nothing in it is opened for writing.

    Raises RecordError if ``directory`` is no run's, or of a newer schema.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.run = read_run(directory)
        self._samples = _Lines(directory / SAMPLES_FILE)
        self._events = [_Lines(directory / name) for name in (EVENTS_FILE, WORKER_EVENTS_FILE)]
        self._header: list[str] = []

    def rows(self) -> list[Row]:
        """The samples written since the last call, by metric name."""
        found: list[Row] = []
        for raw in self._samples.new():
            line = raw.decode("utf-8", errors="replace")
            header = header_of(line)
            if header is not None:
                # What the subject brought is told in the events before it is a column.
                own = read_events(self.directory / EVENTS_FILE, [])
                known = quantities_of(self.run, own, []).by_column
                self._header = [known[column].name if column in known else column for column in header]
                continue
            cells = readings(line)
            if cells is not None and len(cells) == len(self._header):
                row = ((None if math.isnan(cell) else cell) for cell in cells)
                found.append(dict(zip(self._header, row, strict=True)))
        return found

    def events(self) -> list[Event]:
        """The events written since the last call, in the order of their times."""
        found = []
        for lines in self._events:
            for line in lines.new():
                try:
                    found.append(decode_event(line))
                except DamagedError:
                    continue  # a damaged line is the report's to tell of
        return sorted(found, key=lambda event: event.elapsed_s)

    def now(self) -> Row:
        """Every counter that the page has at this moment; empty while there is no page."""
        try:
            board, _ = Scoreboard.snapshot(self.directory / SCOREBOARD_FILE)
        except (OSError, ScoreboardError):
            return {}
        found: Row = {n: value for n, value in board.counters().items() if value is not None}
        # As in the samples: what an engine does not count, the worker has counted.
        received = found.get(CONSUMER_RECEIVED, 0)
        found[ENGINE_DELIVERED] = found.get(ENGINE_DELIVERED) or received
        return found


def end_of(event: Event) -> End | None:
    """The run's end, if ``event`` is it and can be read."""
    if event.kind != EventKind.END:
        return None
    try:
        return msgspec.convert(event.data, prepared(End))
    except msgspec.ValidationError:
        return None


class _Lines:
    """The whole lines that a growing file has got since the last look."""

    def __init__(self, path: Path) -> None:
        self._path, self._at, self._rest = path, 0, b""

    def new(self) -> list[bytes]:
        try:
            with open_regular(self._path) as file:
                file.seek(self._at)
                read = file.read()
        except OSError:  # not there yet, or no file: the report's to tell of
            return []
        self._at += len(read)
        *whole, self._rest = (self._rest + read).split(b"\n")
        return whole
