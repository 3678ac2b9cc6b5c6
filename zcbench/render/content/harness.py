"""What watching cost: the section "What the harness cost"."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zcbench.analysis.cost import mean_cores, supervisor_cores
from zcbench.analysis.totals import mean_per_s
from zcbench.quantities.names import (
    ELAPSED_S,
    PROBE_COST_NS,
    SAMPLE_LATE_S,
    SUPERVISOR_RSS_BYTES,
)
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.content.cells import count, seconds, share, size, text
from zcbench.render.content.document import Cell, Section, Table, columns

MOST_NAMED = 5  # of a probe's quantities


def section(record: Record, result: Result) -> Section | None:
    """CPU shares are of one core, over the samples after the first; None for somebody else's run."""
    if record.run.subject.kind == "imported":
        return None
    samples = record.samples
    elapsed = samples[ELAPSED_S]
    late = samples[SAMPLE_LATE_S][1:-1]
    probe_ns = result.totals[PROBE_COST_NS]
    end_s = float(elapsed[-1]) if elapsed.size else 0.0
    rows = (
        ("Supervisor CPU, of one core", share(supervisor_cores(record))),
        (
            "Probes in the worker, of one core",
            share(probe_ns / 1e9 / end_s if probe_ns and end_s else None),
        ),
        (
            f"Subject CPU{' (engine, consumer, probes)' if record.can('worker') else ''}, of one core",
            share(mean_cores(record)),
        ),
        ("Supervisor RSS", size(result.totals[SUPERVISOR_RSS_BYTES])),
        ("Samples", count(elapsed.size)),
        (
            "Worst sampling delay",
            seconds(float(late.max()) if late.size else None),
        ),
    )
    table = Table(
        "What the harness cost",
        columns("<Metric", "Value"),
        tuple((text(name), value) for name, value in rows),
    )
    probes = _probes(record)
    return Section("What the harness cost", (table, *probes), figures=("cost",))


# What each probe reads, by how the names of its quantities begin; those of a runtime share some.
_SHARED = ("runtime.", "event_loop.", "gc.forced")
_READS: Mapping[str, tuple[str, ...]] = {
    "malloc": ("malloc.",),
    "v8": ("v8.", *_SHARED),
    "cpython": ("python.", *_SHARED),
    "jvm": ("jvm.", *_SHARED),
    "go": ("go.", *_SHARED),
}
_OTHERS: Mapping[str, str] = {
    "processes": "the processes, from outside",
    "page": "the program's page",
    "jsonl": "lines of JSON in its output",
    "scrape": "its metrics endpoint",
}
_IN_SUPERVISOR, _IN_SUBJECT = "cost_ns", "inside_ns"


def _probes(record: Record) -> list[Table]:
    """Which probe read what, and its CPU time in the supervisor and inside the subject, of one core."""
    costs = [name.split(".") for name in record.samples if name.startswith("probe.") and name.count(".") == 2]
    names = list(dict.fromkeys(name for _, name, _ in costs))

    def spent(name: str, where: str) -> Cell:
        column = record.samples.get(f"probe.{name}.{where}")
        known = column is not None and np.isfinite(column).any()
        return share(mean_per_s(record, column / 1e9) if known and column is not None else None)

    rows = [
        (text(name), text(_read_by(record, name)), spent(name, _IN_SUPERVISOR), spent(name, _IN_SUBJECT))
        for name in names
    ]
    titles = columns("<Probe", "<Read", "In the supervisor, of one core", "In the subject, of one core")
    return [Table("Probes", titles, tuple(rows))] if rows else []


def _read_by(record: Record, probe: str) -> str:
    """The quantities that ``probe`` read, a few of them by name."""
    begins = _READS.get(probe)
    if begins is None:
        return _OTHERS.get(probe, "")
    read = [n for n in record.samples if n.startswith(begins) and np.isfinite(record.samples[n]).any()]
    own = sorted(read, key=lambda name: name.startswith(_SHARED))
    more = f" and {len(own) - MOST_NAMED} more" if len(own) > MOST_NAMED else ""
    return f"{', '.join(own[:MOST_NAMED])}{more}" if own else "nothing"
