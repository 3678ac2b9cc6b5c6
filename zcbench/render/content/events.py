"""What happened when: the section "Events"."""

from __future__ import annotations

from zcbench.quantities.units import format_count
from zcbench.record.reader import Record
from zcbench.record.schema import FOR_A_CLOSER_LOOK, EventKind, Result
from zcbench.render.content.cells import moment, text
from zcbench.render.content.document import Block, Code, Section, Table, columns, paragraph

MAX_EVENTS = 40  # in the table; more are counted. A night of gc events is not read line by line
# What these hold stands in tables of its own.
_DATA_EVENTS = (
    EventKind.END,
    EventKind.RESOURCES,
    EventKind.SMALL_OBJECTS,
    EventKind.TEMPORARY_FILES,
    EventKind.WRITTEN_FILES,
    EventKind.ALLOCATIONS,
    EventKind.NATIVE_ALLOCATIONS,
    *FOR_A_CLOSER_LOOK,
)


def section(record: Record, _result: Result) -> Section | None:
    """The events; of many, the first and the last; None without any."""
    events = [event for event in record.events if event.kind not in _DATA_EVENTS]
    if not events:
        return None
    half = MAX_EVENTS // 2
    shown = events if len(events) <= MAX_EVENTS else [*events[:half], *events[-half:]]
    blocks: list[Block] = [
        Table(
            "Events",
            columns("Time", "<Kind", "<What"),
            tuple((moment(event.elapsed_s), text(event.kind), text(event.message)) for event in shown),
        )
    ]
    if left_out := len(events) - len(shown):
        blocks.append(
            paragraph(
                f"{format_count(left_out)} more, from the middle of the run, are in ",
                Code("events.jsonl"),
                " and ",
                Code("worker.jsonl"),
                ".",
            )
        )
    return Section("Events", tuple(blocks))
