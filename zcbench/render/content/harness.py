"""What watching cost: the section "What the harness cost"."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zcbench.quantities.names import (
    CPU_SYSTEM_S,
    CPU_USER_S,
    ELAPSED_S,
    PROBE_COST_NS,
    SAMPLE_LATE_S,
    SUPERVISOR_CPU_S,
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
        ("Supervisor CPU, of one core", share(_per_s(samples[SUPERVISOR_CPU_S], elapsed))),
        (
            "Probes in the worker, of one core",
            share(probe_ns / 1e9 / end_s if probe_ns and end_s else None),
        ),
        (
            f"Subject CPU{' (engine, consumer, probes)' if record.can('worker') else ''}, of one core",
            share(_per_s(samples[CPU_USER_S] + samples[CPU_SYSTEM_S], elapsed)),
        ),
        *(
            (f"Probe {name.split('.')[1]}, of one core", share(_per_s(samples[name] / 1e9, elapsed)))
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


def _per_s(spent: NDArray[np.float64], elapsed: NDArray[np.float64]) -> float | None:
    """From the first reading to the last, over the whole run."""
    known = spent[np.isfinite(spent)]
    length_s = float(elapsed[-1] - elapsed[0]) if elapsed.size > 1 else 0.0
    return float(known[-1] - known[0]) / length_s if length_s and known.size > 1 else None
