"""What is told of a subject once it is gone: the files it left, the native memory that was followed."""

from __future__ import annotations

import contextlib
import sys

from zcbench.record.schema import End, Event, EventKind
from zcbench.record.writer import RecordWriter
from zcbench.soak.disk import TemporaryFolder
from zcbench.subjects.inside.native_sites import read_sites


def tell_temporary_files(folder: TemporaryFolder, writer: RecordWriter, elapsed_s: float) -> None:
    """What is left of them now that the subject is gone, and whatever it does at its exit is done."""
    left = folder.look(whatever_it_costs=True)
    assert left is not None
    event = Event(
        elapsed_s=elapsed_s,
        kind=EventKind.TEMPORARY_FILES,
        message=f"{left.files} temporary files are left",
        data={"files": left.files, "bytes": left.size, "names": left.names, "whole": left.whole},
    )
    with contextlib.suppress(OSError):  # a full disk is told of by the end
        writer.event(event)


def tell_native_sites(end: End, writer: RecordWriter) -> None:
    """What memray followed, if it did. A trace that a crash cut off is not worth the record's end."""
    try:
        sites = read_sites(writer.directory)
        if sites is not None:
            message = f"{len(sites)} places hold native memory"
            writer.event(
                Event(
                    elapsed_s=end.elapsed_s or 0.0,
                    kind=EventKind.NATIVE_ALLOCATIONS,
                    message=message,
                    data={"sites": sites},
                )
            )
    except (OSError, ValueError) as error:
        print(f"zcbench: memray's trace cannot be read: {error}", file=sys.stderr)
