"""Whether memory grew, counter by counter, and where: the section "Memory behaviour"."""

from __future__ import annotations

from zcbench.analysis import growth, memory
from zcbench.quantities.names import (
    GC_COLLECTIONS,
    GC_FREED_OBJECTS,
    GC_PAUSE_NS,
    NATIVE_HEAP_BYTES,
    PYTHON_HEAP_BYTES,
    RSS_BYTES,
    USS_BYTES,
)
from zcbench.quantities.quantity import Quantity, Reckoning
from zcbench.quantities.registry import STANDARD
from zcbench.quantities.units import format_count, format_duration
from zcbench.record.reader import Record
from zcbench.record.schema import EventKind, Result
from zcbench.render.content import cells
from zcbench.render.content.cells import count, signed_size, size, text
from zcbench.render.content.document import (
    Block,
    Cell,
    Paragraph,
    Section,
    Table,
    columns,
    paragraph,
)
from zcbench.render.content.verdict import outcome_cell

_GAUGES = (PYTHON_HEAP_BYTES, NATIVE_HEAP_BYTES, RSS_BYTES, USS_BYTES)
_NAMES = {RSS_BYTES: "RSS", USS_BYTES: "USS"}


def section(record: Record, result: Result) -> Section | None:
    """Gauges, collections, trends, and the places that grew; None where no memory was measured."""
    if not growth.growths(record):
        return None
    blocks: list[Block] = [
        _gauges(record),
        *_collections(record, result),
        paragraph(
            "A difference between two readings says nothing about a leak. The trend does: that of a line "
            "through the readings, or through the last half of them where memory warmed up:"
        ),
        _trends(record, result),
        _budget(record),
        *_sites(record),
    ]
    return Section("Memory behaviour", tuple(blocks), figures=("memory", "resources"))


def _gauges(record: Record) -> Table:
    # Of a program, whatever else was read of its memory.
    own = [one for one in record.quantities.memory if one.name not in STANDARD]
    counted = [one.name for one in own if one.memory and one.memory.reckoning is not Reckoning.PAGES]
    pages = [one.name for one in own if one.name not in counted]
    gauges = [g for name in (*counted, *_GAUGES, *pages) if (g := memory.gauge(record, name)) is not None]
    found = [gauge for gauge in gauges if gauge.peak or gauge.name in STANDARD]
    return Table(
        "Memory gauges",
        columns("<Gauge", "Baseline", "Final", "Delta", "Lowest", "After-gc low", "Peak", "Range"),
        tuple(
            (
                text(_title(record.quantities[gauge.name])),
                size(gauge.baseline),
                size(gauge.final),
                signed_size(gauge.delta),
                size(gauge.low),
                size(gauge.after_gc_low),
                size(gauge.peak),
                size(gauge.peak - gauge.low),
            )
            for gauge in found
        ),
    )


def _title(one: Quantity) -> str:
    words = one.name.removesuffix("_bytes").replace("_", " ")
    return _NAMES.get(one.name, words.capitalize() if one.name in STANDARD else one.label or one.name)


def _collections(record: Record, result: Result) -> list[Paragraph]:
    found, elapsed_s = result.totals, result.end.elapsed_s
    made = found[GC_COLLECTIONS]
    if made is None and not record.can("worker"):
        return []  # who knows whether it has a garbage collector
    if not made:
        said = "Garbage collections were not measured." if made is None else "No garbage collection ran."
    else:
        every = f", one every {format_duration(elapsed_s / made)}" if elapsed_s else ""
        freed = (found[GC_FREED_OBJECTS] or 0) / made
        pause = None if found[GC_PAUSE_NS] is None else found[GC_PAUSE_NS] / made
        said = (
            f"{format_count(made)} garbage collections ({count(found['gc.full_collections']).text} full)"
            f"{every}; each freed {format_count(freed)} objects and paused "
            f"{cells.nanoseconds(pause).text} on average."
        )
    warmup = record.run.scenario.warmup
    if warmup:
        said += f" The baseline is the first reading after a warm-up of {format_duration(warmup)}."
    return [paragraph(said)]


def _trends(record: Record, result: Result) -> Table:
    per_s = growth.packets_per_s(record, result.totals)
    return Table(
        "Trend of each memory counter",
        columns(
            "<Counter",
            "<Trend",
            "Growth",
            "±",
            "Per packet",
            "In 24 h",
            "Smallest detectable leak",
            "<Why",
        ),
        tuple(_trend(grown, per_s) for grown in growth.growths(record)),
    )


def _trend(grown: growth.Growth, packets_per_s: float | None) -> tuple[Cell, ...]:
    window = grown.trend.window
    slope = None if window is None else window.slope
    return (
        text(grown.counter.name),
        outcome_cell(grown.trend.outcome),
        cells.growth(slope),
        cells.growth(None if window is None else window.standard_error),
        size(None if slope is None or not packets_per_s else slope / packets_per_s),
        signed_size(None if slope is None else slope * 86_400),
        cells.growth(None if window is None else window.smallest_seen),
        text(grown.trend.why),
    )


def _budget(record: Record) -> Paragraph:
    every = record.run.gc_every_s
    budget = f"The budget is {record.run.scenario.memory.budget}."
    if not record.can("worker"):
        return paragraph(f"{budget} Pages, as in RSS, can show a leak, never its absence.")
    made = (
        f"The harness made a full collection every {format_duration(every)}; a heap is compared only "
        "right after one."
        if every
        else "The harness made no collections, so a heap that is garbage collected can neither pass nor fail."
    )
    return paragraph(f"{budget} {made} RSS and USS can show a leak, never its absence.")


def _by(record: Record) -> str:
    """ " (heaptrack)": the tool that named them, of an engine's memray."""
    told = [event.message for event in record.events if event.kind == EventKind.NATIVE_ALLOCATIONS]
    tool, said, _ = told[-1].partition(": ") if told else ("", "", "")
    return f" ({tool})" if said else " (memray)"


def _sites(record: Record) -> list[Table]:
    tables = []
    for kind, titles in (
        (
            EventKind.ALLOCATIONS,
            ("<Source lines whose memory grew", "Grown by", "Blocks"),
        ),
        (
            EventKind.NATIVE_ALLOCATIONS,
            (
                f"<Place whose native memory came after warm-up and was not freed{_by(record)}",
                "Bytes",
                "Blocks",
            ),
        ),
    ):
        sites = growth.largest_sites(record, kind)
        rows = tuple((text(s.site), size(s.grown_bytes), count(s.grown_blocks)) for s in sites)
        if rows:
            tables.append(Table(titles[0].removeprefix("<"), columns(*titles), rows))
    return tables
