"""What does a packet cost, does that grow, and how much is the harness?"""

from __future__ import annotations

from zcbench.analysis.cost import (
    CREEP_CORES,
    CREEP_RATIO,
    FEWEST_BLOCKS,
    LEAST_BLOCK_S,
    READING_ERROR_S,
    Cost,
    cost,
)
from zcbench.analysis.totals import Totals
from zcbench.quantities.units import format_duration
from zcbench.record.reader import Record
from zcbench.record.schema import Finding
from zcbench.verdict.check import Check

# An observer should be far below what it observes: the default engine takes 2 to 3 % of a core at 100/s.
MOST_HARNESS_CORES = 0.05
# Below ten readings' worth of error, the harness's own share is not known to a tenth.
LEAST_HARNESS_S = 10 * READING_ERROR_S / MOST_HARNESS_CORES
# Start-up work that runs on into the stream (imports, caches) takes a second or two of a core.
LEAST_BUSY_S = 10.0
FEWEST_BLOCKS_S = FEWEST_BLOCKS * LEAST_BLOCK_S


def check(record: Record, _found: Totals) -> Finding:
    """Fail when CPU per packet doubles over the run; warn when the harness takes over 5 % of a core."""
    seen = cost(record)
    if seen is None:
        return Finding(
            check="cost",
            outcome="skipped",
            sentence="CPU time was not read twice while packets came",
            required=False,
        )
    evidence: dict[str, int | float | str | None] = {
        "cpu_per_packet_s": seen.per_packet_s,
        "cores": seen.cores,
        "harness_cores": seen.harness_cores,
        "allowed_cores": seen.allowed_cores,
        "packets": seen.packets,
        "span_s": seen.span_s,
        "blocks": seen.creep.blocks if seen.creep else None,
        "first_third_s": seen.creep.first_s if seen.creep else None,
        "last_third_s": seen.creep.last_s if seen.creep else None,
        "rose_cores": seen.creep.rose_cores if seen.creep else None,
        "tau": seen.creep.tau if seen.creep else None,
    }
    said = f"{format_duration(seen.per_packet_s)} of CPU a packet, {seen.cores:.1%} of a core{_own(seen)}"
    if seen.creep is not None and seen.creep.rose:
        return Finding(
            check="cost",
            outcome="fail",
            sentence=f"{said}; it grew from {format_duration(seen.creep.first_s)} a packet in the first "
            f"third of the run to {format_duration(seen.creep.last_s)} in the last",
            cause="cpu_creep",
            evidence=evidence,
            remedy="profile it early and late (py-spy record --pid): what grows is searched or copied",
        )
    if _busy(seen):
        return Finding(
            check="cost",
            outcome="fail",
            sentence=f"{said}: more than the {seen.allowed_cores:.1%} that {seen.packets / seen.span_s:,.0f} "
            "packets a second may take",
            cause="busy",
            evidence=evidence,
            remedy="something runs beside the packets, or works too much for each: py-spy top --pid names "
            "it; if it is meant, say how much may be taken: budget.cpu",
        )
    if _dear(seen):
        return Finding(
            check="cost",
            outcome="fail",
            sentence=f"{said}: the harness takes more than {MOST_HARNESS_CORES:.0%} of a core",
            cause="harness",
            evidence=evidence,
            remedy="sample less often (sampling.every), or leave out tracemalloc",
            level="warn",
        )
    if seen.creep is None:
        return Finding(
            check="cost",
            outcome="skipped",
            sentence=f"{said}; whether that grows takes {FEWEST_BLOCKS_S:.0f} s or more of the stream, "
            f"this run had {format_duration(seen.span_s)}",
            evidence=evidence,
            required=False,
        )
    return Finding(
        check="cost",
        outcome="pass",
        sentence=said,
        evidence=evidence,
        power=f"a steady rise to {CREEP_RATIO:g} times the cost, by {CREEP_CORES:.0%} of a core or more, "
        f"would have been seen ({seen.creep.blocks} blocks)",
        required=False,
    )


def _own(seen: Cost) -> str:
    return "" if seen.harness_cores is None else f"; the harness {seen.harness_cores:.1%}"


def _busy(seen: Cost) -> bool:
    """Whether the subject takes more than it may, in a run long enough to know."""
    return seen.allowed_cores is not None and seen.span_s >= LEAST_BUSY_S and seen.cores > seen.allowed_cores


def _dear(seen: Cost) -> bool:
    return (
        seen.harness_cores is not None
        and seen.span_s >= LEAST_HARNESS_S
        and seen.harness_cores > MOST_HARNESS_CORES
    )


CHECK = Check(
    name="cost",
    question=("CPU per packet, its creep, a core kept busy beside the packets, and the harness's own share."),
    judge=(check,),
    causes={
        "cpu_creep": "a packet costs more and more",
        "busy": "more CPU than the packets explain",
        "harness": "the harness itself takes too much (a warning)",
    },
    meaning="the longer it runs, the more it costs, until it is too slow",
    figure="cost",
    required=False,
)
