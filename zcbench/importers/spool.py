"""Samples of a log on disk, between the look at all of them and the record: the log is read once less."""

from __future__ import annotations

import math
import tempfile
import weakref
from array import array
from collections.abc import Iterator, Mapping

ROWS_AT_ONCE = 1024


class Spool:
    """Rows of the same quantities, 8 bytes a reading, in a temporary file; as often to read as asked."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when nobody has the spool any more
        weakref.finalize(self, self._file.close)
        self._names: tuple[str, ...] = ()

    def add(self, sample: Mapping[str, float | None]) -> None:
        """Keep a row; None is kept as such."""
        self._names = self._names or tuple(sample)
        cells = array("d", [math.nan if value is None else value for value in map(sample.get, self._names)])
        self._file.write(cells.tobytes())

    def rows(self) -> Iterator[dict[str, float | None]]:
        """Every row, from the first on."""
        self._file.seek(0)
        wide = len(self._names)
        while block := self._file.read(8 * wide * ROWS_AT_ONCE):
            cells = array("d", block)
            for at in range(0, len(cells), wide):
                values = (None if math.isnan(value) else value for value in cells[at : at + wide])
                yield dict(zip(self._names, values, strict=True))
