"""The tables of a report: each a pure function from what was measured to rows of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from zcbench.analysis.delivery import Delivery
from zcbench.analysis.laws import Balance
from zcbench.analysis.lifecycle import lifecycle
from zcbench.analysis.memory import gauge, heap_column, profile
from zcbench.analysis.pool import PoolBehaviour
from zcbench.analysis.totals import Totals, count
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.escaping import cell
from zcbench.render.figures import (
    NOT_MEASURED,
    hit_rate,
    known,
    mebibytes,
    nanoseconds,
    percent,
    plural,
    signed_bytes,
)
from zcbench.units import format_bytes, format_count, format_duration, format_rate

MOST_EVENTS = 25

_HEAP_NAMES = {
    "python_heap_bytes": "Python heap, traced by tracemalloc",
    "native_heap_bytes": "native heap, malloc in use",
}
_GAUGES = (
    ("python_heap_bytes", "Python heap"),
    ("native_heap_bytes", "native heap"),
    ("rss_bytes", "RSS"),
)


@dataclass(frozen=True)
class Table:
    """A table of finished cells; ``numbers`` says which columns are set flush right."""

    header: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = field(default_factory=frozenset)

    @property
    def markdown(self) -> str:
        """The table as GitHub-flavoured Markdown."""
        rule = ["---:" if column in self.numbers else "---" for column in range(len(self.header))]
        return "\n".join(f"| {' | '.join(row)} |" for row in (self.header, rule, *self.rows))


def heap_name(record: Record) -> str:
    """What the report's "heap" is in this run."""
    return _HEAP_NAMES[heap_column(record)]


def findings(result: Result) -> Table:
    """Every check with its outcome, what it found and what to do about it."""
    return Table(
        ("check", "outcome", "finding", "what to do"),
        [
            (
                cell(f.check),
                f.outcome if f.outcome != "fail" else "**fail**",
                cell(f.sentence),
                cell(f.remedy or ""),
            )
            for f in result.findings
        ],
    )


def test_results(record: Record, found: Totals, seen: Delivery) -> Table:
    """What ran, for how long, and what came of it."""
    scenario, source = record.run.scenario, record.run.scenario.source
    pace = "unpaced" if source.unpaced else f"{source.speed:g} × real pace"
    heap, rss = gauge(record, heap_column(record)), gauge(record, "rss_bytes")
    rows: list[tuple[str, str]] = [
        ("engine", cell(scenario.engine)),
        ("source", cell(source.kind if source.kind == "device" else f"{source.kind}, {pace}")),
        ("consumer", cell(_consumer(record))),
        ("stream time asked for", format_duration(scenario.duration)),
        ("duration", known(seen.streamed_s, format_duration)),
        ("packets delivered", known(seen.delivered)),
        ("packets due", known(seen.due)),
        ("data", known(found["engine.delivered_bytes"], mebibytes)),
        ("average rate", known(seen.rate_per_s, format_rate)),
        ("gaps", known(found["consumer.gaps"])),
        ("drops", known(found["engine.drops"])),
        ("xruns", known(found["engine.xruns"])),
        ("packets compared on delivery", known(found["consumer.checked"])),
        ("packets compared before return", known(found["consumer.rechecked"])),
        ("final heap", known(heap and heap.final, format_bytes)),
        ("heap delta", known(heap and heap.delta, signed_bytes)),
        ("final RSS", known(rss and rss.final, format_bytes)),
        ("RSS delta", known(rss and rss.delta, signed_bytes)),
    ]
    return Table(("figure", "value"), rows, frozenset({1}))


def _consumer(record: Record) -> str:
    consumer = record.run.scenario.consumer
    how = {
        "hold": f", keeps the last {format_duration(consumer.hold)}",
        "slow": f", works {format_duration(consumer.work)} per packet",
        "burst": f", reads every {format_duration(consumer.every)}",
        "cycle": ", packets in reference cycles",
    }
    return consumer.kind + how.get(consumer.kind, "")


def pool_statistics(record: Record, found: Totals, pool: PoolBehaviour) -> Table:
    """The pool's counters at the end."""
    rows: list[tuple[str, str]] = [
        ("slots", known(pool.slots)),
        ("policy", record.run.scenario.pool.policy),
        ("requests", known(pool.acquires)),
        ("hits", known(pool.hits)),
        ("misses", known(pool.misses)),
        ("hit rate", hit_rate(pool.hit_rate)),
        ("overflow allocations", known(found["pool.overflow_allocations"])),
        ("overflow bytes, in all", known(found["pool.overflow_bytes"], format_bytes)),
        ("returns", known(pool.returns)),
        ("in flight", known(pool.in_flight)),
        ("high water", known(pool.high_water)),
    ]
    # Zero is what is expected of these: they are only worth a row when it is not.
    rare = (
        ("refused", "pool.refused"),
        ("drops", "engine.drops"),
        ("guard violations", "pool.guard_violations"),
        ("poison violations", "pool.poison_violations"),
    )
    rows += [(label, known(found[name])) for label, name in rare if found[name] != 0]
    return Table(("figure", "value"), rows, frozenset({1}))


def reconciliation(balances: Sequence[Balance]) -> Table:
    """Each conservation law with both its sides."""
    return Table(
        ("law", "left", "right", "difference", "worst while running", "holds"),
        [
            (
                cell(b.law.name),
                known(b.left),
                known(b.right),
                known(b.off),
                format_count(b.worst) if b.samples else NOT_MEASURED,
                {True: "yes", False: "**no**", None: "unknown"}[b.holds],
            )
            for b in balances
        ],
        frozenset({1, 2, 3, 4}),
    )


def memory_profile(record: Record) -> Table:
    """Memory over time, about ten rows."""
    return Table(
        ("time", "packets", "heap", "RSS", "pool hit rate", "gc"),
        [
            (
                format_duration(round(row.elapsed_s, 1)),
                format_count(row.packets),
                known(row.heap_bytes, format_bytes),
                known(row.rss_bytes, format_bytes),
                hit_rate(row.hit_rate),
                f"{format_count(row.gc)} ×" if row.gc > 0 else "",
            )
            for row in profile(record)
        ],
        frozenset({0, 1, 2, 3, 4, 5}),
    )


def memory_behaviour(record: Record) -> Table:
    """Baseline, final, peak and range of each memory gauge."""
    gauges = [(label, gauge(record, column)) for column, label in _GAUGES]
    return Table(
        ("memory", "baseline", "final", "delta", "peak", "after-gc low", "range", "readings"),
        [
            (
                label,
                format_bytes(g.baseline),
                format_bytes(g.final),
                signed_bytes(g.delta),
                format_bytes(g.peak),
                "no gc seen" if g.after_gc_low is None else format_bytes(g.after_gc_low),
                format_bytes(g.peak - g.low),
                format_count(g.readings),
            )
            if g is not None
            else (label, *[NOT_MEASURED] * 6, "0")
            for label, g in gauges
        ],
        frozenset(range(1, 8)),
    )


def collections(found: Totals, elapsed_s: float | None) -> str:
    """How often the garbage collector ran, and what each run freed."""
    total, full = count(found, "gc.collections"), count(found, "gc.full_collections")
    freed, pause = found["gc.freed_objects"], found["gc.pause_ns"]
    if total is None or full is None or freed is None or pause is None:
        return "Garbage collections were not counted."
    if not total:
        return "No garbage collection ran."
    often = f", one every {format_duration(elapsed_s / total)}" if elapsed_s else ""
    return (
        f"{plural(total, 'garbage collection')} ({format_count(full)} full){often}; each freed "
        f"{freed / total:,.1f} objects on average and paused the worker for {nanoseconds(pause / total)}, "
        f"{nanoseconds(pause)} in all."
    )


def buffer_lifecycle(record: Record, found: Totals) -> Table:
    """How many buffers are in each stage, and how long they were in it."""
    return Table(
        ("stage", "passed", "now", "p50", "p99", "max"),
        [
            (
                cell(stage.name),
                known(stage.passed),
                known(stage.now),
                known(stage.p50_ns, nanoseconds),
                known(stage.p99_ns, nanoseconds),
                known(stage.max_ns, nanoseconds),
            )
            for stage in lifecycle(record, found)
        ],
        frozenset({1, 2, 3, 4, 5}),
    )


def flow(found: Totals) -> str:
    """The way of the buffers in one line of ASCII, with how many are where."""
    queued, in_flight = count(found, "engine.queued"), count(found, "pool.in_flight")
    held = None if queued is None or in_flight is None else in_flight - queued
    return (
        f"acquired {known(found['engine.captured'])} -> [{known(queued)} queued] -> "
        f"delivered {known(found['engine.delivered'])} -> [{known(held)} held] -> "
        f"returned {known(found['pool.returns'])}"
    )


def events(record: Record) -> tuple[Table, str]:
    """The first events and the last ones, and a sentence on how many were left out."""
    everything = record.events
    shown = everything
    if len(everything) > MOST_EVENTS:
        half = MOST_EVENTS // 2
        shown = (*everything[: MOST_EVENTS - half], *everything[-half:])
    left_out = len(everything) - len(shown)
    note = ""
    if left_out:
        kinds = Counter(e.kind for e in everything)
        kinds.subtract(Counter(e.kind for e in shown))
        listed = ", ".join(
            f"{format_count(n)} {cell(kind)}" for kind, n in kinds.most_common() if n
        )
        note = f"{plural(left_out, 'event')} in between left out: {listed}."
    rows = [(format_duration(round(e.elapsed_s, 3)), cell(e.kind), cell(e.message)) for e in shown]
    return Table(("time", "event", "what happened"), rows, frozenset({0})), note


def environment(record: Record) -> Table:
    """The machine and the software."""
    env = record.run.environment
    commit = env.git_commit and env.git_commit + (" (with local changes)" if env.git_dirty else "")
    rows: list[tuple[str, str | None]] = [
        ("system", f"{env.system}, {env.machine}"),
        ("processor", env.processor or None),
        ("cores", None if env.cores is None else format_count(env.cores)),
        ("memory", None if env.memory_bytes is None else format_bytes(env.memory_bytes)),
        ("Python", env.python),
        ("zcbench", env.zcbench),
        *sorted(env.packages.items()),
        ("PortAudio", env.portaudio or "not loaded"),
        ("git commit", commit),
        ("tracemalloc", "on, one frame" if record.run.tracemalloc else "off"),
        *((f"tag {key}", value) for key, value in sorted(record.run.tags.items())),
    ]
    return Table(
        ("", "value"),
        [(cell(name), "unknown" if value is None else cell(value)) for name, value in rows],
    )


def harness_cost(record: Record, found: Totals) -> Table:
    """What watching cost, and how punctual it was."""
    elapsed, late = record.samples["elapsed_s"], record.samples["sample_late_s"]
    late = late[np.isfinite(late)]
    settled = int(np.sum(record.samples["settled"] == 1))
    probing = found["probe.cost_ns"]
    rows = [
        ("supervisor, CPU of one core", known(_supervisor_cpu(record), percent)),
        ("supervisor, RSS", known(found["supervisor_rss_bytes"], format_bytes)),
        (
            "probes in the worker, CPU of one core",
            known(
                probing / 1e9 / elapsed[-1] if probing is not None and elapsed.size else None,
                percent,
            ),
        ),
        ("samples", format_count(record.rows)),
        ("samples on which exact laws apply", format_count(settled)),
        (
            "sampling lateness, median",
            known(float(np.median(late)) if late.size else None, format_duration),
        ),
        (
            "sampling lateness, worst",
            known(float(late.max()) if late.size else None, format_duration),
        ),
    ]
    return Table(("figure", "value"), rows, frozenset({1}))


def _supervisor_cpu(record: Record) -> float | None:
    """CPU time over wall time between the first and the last sample; start-up is not in it."""
    cpu, elapsed = record.samples["supervisor_cpu_s"], record.samples["elapsed_s"]
    rows = np.flatnonzero(np.isfinite(cpu))
    if rows.size < 2 or elapsed[rows[-1]] <= elapsed[rows[0]]:
        return None
    return float((cpu[rows[-1]] - cpu[rows[0]]) / (elapsed[rows[-1]] - elapsed[rows[0]]))
