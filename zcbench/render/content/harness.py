"""What watching cost: the section "What the harness cost"."""

from __future__ import annotations

import numpy as np

from zcbench.analysis.cost import mean_cores, supervisor_cores
from zcbench.analysis.totals import mean_per_s
from zcbench.quantities.names import (
    ELAPSED_S,
    PROBE_COST_NS,
    SAMPLE_LATE_S,
    SUPERVISOR_RSS_BYTES,
)
from zcbench.quantities.registry import STANDARD
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.content.cells import count, seconds, share, size, text
from zcbench.render.content.document import Section, Table, columns


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
        *(
            (f"Probe {name.split('.')[1]}, of one core", share(mean_per_s(record, samples[name] / 1e9)))
            for name in samples
            if name.startswith("probe.") and name not in STANDARD and np.isfinite(samples[name]).any()
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
    return Section("What the harness cost", (table,), figures=("cost",))
