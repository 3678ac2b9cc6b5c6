"""What a subject leaves on the disk: files in a temporary folder of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zcbench.clock import now_ns
from zcbench.files import let_all_write

MOST_ENTRIES = 2_000  # looked at in one go: 20 ms on two cores with a load of 10
MOST_SHARE = 0.01  # of the time, for looking
MOST_NAMES = 5
_VARIABLES = ("TMPDIR", "TEMP", "TMP")  # the first is Unix's, the others are Windows's


@dataclass(frozen=True)
class Contents:
    """Files in a folder and below, their bytes, and the first names. ``whole``: everything was looked at."""

    files: int
    size: int
    names: tuple[str, ...]
    whole: bool


class TemporaryFolder:
    """A folder that only the subject is told of: what is in it, the subject or its children put there.

    It lies in the system's own, not in the run directory, since a socket's path may have 107 characters.
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="zcbench-"))
        let_all_write(self.path)
        self._due_ns = 0

    def environment(self) -> dict[str, str]:
        """This process's environment, with every word for temporary folders meaning this one."""
        return {**os.environ, **dict.fromkeys(_VARIABLES, str(self.path))}

    def look(self, *, whatever_it_costs: bool = False) -> Contents | None:
        """What is in it; None when the last look was so dear that the next is not due."""
        began = now_ns()
        if began < self._due_ns and not whatever_it_costs:
            return None
        contents = contents_of(self.path)
        self._due_ns = now_ns() + round((now_ns() - began) / MOST_SHARE)
        return contents

    def remove(self) -> None:
        """Remove it, with what the subject left in it."""
        shutil.rmtree(self.path, ignore_errors=True)


def contents_of(folder: Path) -> Contents:
    """Count the files below ``folder``, at most MOST_ENTRIES entries of it; links are not followed."""
    files = size = seen = 0
    names: list[str] = []
    for entry in _walk(folder):
        seen += 1
        if seen > MOST_ENTRIES:
            break
        with contextlib.suppress(OSError):  # gone meanwhile
            if not entry.is_dir(follow_symlinks=False):
                files += 1
                size += entry.stat(follow_symlinks=False).st_size
                if len(names) < MOST_NAMES:
                    names.append(entry.name)
    return Contents(files, size, tuple(names), seen <= MOST_ENTRIES)


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    folders = [str(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    yield entry
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        except OSError:  # gone meanwhile, or not ours to read
            continue
