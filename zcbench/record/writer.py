"""Writing a record: append-only until the end, flushed row by row."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import msgspec

from zcbench.files import write_whole
from zcbench.quantities.parsing import encode_unit
from zcbench.quantities.quantity import Quantity
from zcbench.record.brought import Brought, registry_of
from zcbench.record.samples import header_line
from zcbench.record.schema import (
    EVENTS_FILE,
    RESULT_FILE,
    RUN_FILE,
    SAMPLES_FILE,
    Event,
    EventKind,
    Result,
    RunInfo,
)

RUNS_ROOT = Path("reports") / "runs"

# Given back when the disk is full, so that the end and the result can still be written. They need a few
# KiB; 64 leaves room for a long traceback.
BALLAST_FILE = "ballast.bin"
BALLAST_BYTES = 64 * 1024

_ENCODER = msgspec.json.Encoder(enc_hook=encode_unit)


class RecordError(ValueError):
    """A run directory that cannot be made or read; the message names it and the fix."""


def create_run_directory(out: Path | None, root: Path, name: str) -> Path:
    """A new directory for one run: ``out``, or a fresh one below ``root`` named by time and scenario.

    Raises RecordError if ``out`` is there and not an empty directory, or cannot be written.
    """
    try:
        if out is not None:
            if out.exists() and not out.is_dir():
                raise RecordError(f"--out {out}: is a file; name a directory that does not exist yet")
            if out.is_dir() and any(out.iterdir()):
                raise RecordError(f"--out {out}: exists and is not empty; name a new directory")
            out.mkdir(parents=True, exist_ok=True)
            # Two runs into one directory: whoever makes the lock first has it.
            (out / BALLAST_FILE).touch(exist_ok=False)
            return out
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        root.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, 1000):
            directory = root / (f"{stamp}-{slug(name)}" + (f"-{attempt}" if attempt > 1 else ""))
            with contextlib.suppress(FileExistsError):
                directory.mkdir()
                (directory / BALLAST_FILE).touch()
                return directory
        raise RecordError(f"{root}: no free name for a run")
    except FileExistsError as error:
        raise RecordError(f"--out {out}: another run is writing there; name a new directory") from error
    except OSError as error:
        raise RecordError(f"{out or root}: cannot be written ({error.strerror}); name another --out") from error


def write_result(directory: Path, result: Result) -> None:
    """Write ``result.json`` whole or not at all."""
    write_whole(directory / RESULT_FILE, _indented(result))


def result_json(result: Result) -> str:
    """What :func:`write_result` writes."""
    return _indented(result).decode()


def _indented(value: Result | RunInfo) -> bytes:
    return msgspec.json.format(_ENCODER.encode(value), indent=2)


def append_event(directory: Path, event: Event) -> None:
    """Add an event to a record whose run is over: what a second look at it found."""
    with (directory / EVENTS_FILE).open("ab", buffering=0) as file:
        _append(file, _ENCODER.encode(event) + b"\n")


class RecordWriter:
    """The supervisor's end of a record. Raises OSError when the disk refuses; :meth:`make_room` helps."""

    def __init__(self, directory: Path, run: RunInfo) -> None:
        if (directory / RUN_FILE).exists():
            raise RecordError(f"{directory}: holds a run already; name a new directory")
        self.directory = directory
        (directory / BALLAST_FILE).write_bytes(bytes(BALLAST_BYTES))
        write_whole(directory / RUN_FILE, _indented(run))
        self._samples: IO[bytes] = (directory / SAMPLES_FILE).open("xb", buffering=0)
        self._events: IO[bytes] = (directory / EVENTS_FILE).open("xb", buffering=0)
        self.quantities = registry_of(run.quantities)
        self._has_rows = False
        self._write_header()

    def declare(self, brought: Iterable[Quantity], elapsed_s: float = 0.0) -> None:
        """Take up quantities that the subject brings after its start; those that the record has are left out.

        Best before the first sample: a later header stands between the rows, and other tools than ours may
        stumble over it. Raises QuantityError for two of one column.
        """
        new = [one for one in brought if one.name not in self.quantities]
        if not new:
            return
        self.quantities = self.quantities.joined(new)
        data = {"quantities": [msgspec.to_builtins(Brought.of(one)) for one in new]}
        names = ", ".join(one.name for one in new)
        self.event(
            Event(elapsed_s=elapsed_s, kind=EventKind.QUANTITIES, message=f"brought: {names}", data=data)
        )
        if not self._has_rows:
            self._samples.truncate(0)
        self._write_header()

    def _write_header(self) -> None:
        self._columns = [one.name for one in self.quantities.sampled]
        _append(self._samples, (header_line(self.quantities.sampled) + "\n").encode())

    def sample(self, row: Mapping[str, int | float | None]) -> None:
        """Append one row; ``row`` maps quantities' names to values, None and absent ones are empty cells."""
        cells = ["" if (value := row.get(name)) is None else _cell(value) for name in self._columns]
        self._has_rows = True
        _append(self._samples, (",".join(cells) + "\n").encode())

    def event(self, event: Event) -> None:
        """Append one event."""
        _append(self._events, _ENCODER.encode(event) + b"\n")

    def make_room(self) -> None:
        """Give the ballast back to a full disk."""
        (self.directory / BALLAST_FILE).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the files and drop the ballast."""
        self._samples.close()
        self._events.close()
        self.make_room()


def _append(file: IO[bytes], line: bytes) -> None:
    """Write ``line`` whole; a half-written one (disk full) is taken back, so that the next can follow."""
    at = file.seek(0, os.SEEK_END)
    rest = memoryview(line)
    try:
        # A full disk first takes a part; only the next write says what is wrong (ENOSPC, EFBIG, EDQUOT).
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        file.truncate(at)
        raise OSError(error.errno, error.strerror, str(file.name)) from error


def _cell(value: int | float) -> str:
    return f"{value:.6f}" if isinstance(value, float) else str(value)


def run_id(name: str) -> str:
    """A name for a run that is unique on this machine."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{stamp}-{slug(name)}-{time.monotonic_ns() % 10**6:06d}"


def slug(name: str) -> str:
    """A scenario's name as a part of a directory's: "soak-5m-pool-100" of "soak 5m, pool 100"."""
    return re.sub(r"[ ,]+", "-", name)
