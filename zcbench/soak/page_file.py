"""The run's page as the supervisor holds it: made before the subject starts, and looked after until its end."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from zcbench.page.scoreboard import UNSET, Scoreboard
from zcbench.record.schema import SCOREBOARD_FILE

_OF_PACKETS = ("engine.", "consumer.", "pool.")


class PageFile:
    """The page of a run directory; ``board`` is its counters. Without a file (``is_written`` is False) all of
    them stay unset."""

    def __init__(self, directory: Path, *, has_page: bool, packets: bool = True) -> None:
        self.is_written = has_page
        self._file = None
        if not has_page:
            self.board = Scoreboard.create()
            for name in self.board.index:
                self.board[name] = UNSET
            self._unset = self.board.counters()
            return
        path = directory / SCOREBOARD_FILE
        self.board = Scoreboard.create(path)
        if not packets:  # whose counters would stand at 0, as if somebody had counted
            for name in self.board.index:
                if name.startswith(_OF_PACKETS):
                    self.board[name] = UNSET
        _reserve(path)
        self._file = path.open("rb", buffering=0)
        self._bytes = os.fstat(self._file.fileno()).st_size

    def counters(self) -> Mapping[str, int | None]:
        """Every counter and gauge by name; None where it was never measured."""
        return self.board.counters() if self.is_written else self._unset

    def lost(self) -> str | None:
        """What somebody has done to the page while it is written; None if it is all there.

        A page that was cut short is dropped: to read it through its mapping would be a SIGBUS.
        """
        if self._file is None:
            return None
        page = os.fstat(self._file.fileno())
        if page.st_size < self._bytes:
            self.board = Scoreboard.create()
            return f"{SCOREBOARD_FILE} was cut short by somebody while the run was going on"
        # Windows deletes no open file, and its count of links is not one of names.
        if os.name == "posix" and not page.st_nlink:
            return "the run directory was deleted while the run was going on"
        return None

    def close(self) -> None:
        """Stop looking after it."""
        if self._file is not None:
            self._file.close()


def _reserve(path: Path) -> None:
    """Give every page of a sparse file its block: on a full disk a store to a hole is a SIGBUS."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
