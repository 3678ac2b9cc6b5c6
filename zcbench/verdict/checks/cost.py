"""What does a packet cost, does that grow, and how much is the harness?"""

from __future__ import annotations

from functools import cached_property

from zcbench.analysis.cost import (
    CREEP_CORES,
    CREEP_RATIO,
    LEAST_BLOCK_S,
    READING_ERROR_S,
    Cost,
    cost,
    supervisor_cores,
)
from zcbench.analysis.trend.views import FEWEST_BLOCKS
from zcbench.quantities.names import CPU_SYSTEM_S, CPU_USER_S, ELAPSED_S, ENGINE_DELIVERED
from zcbench.quantities.units import format_duration
from zcbench.record.schema import Finding
from zcbench.verdict.check import Check, Evidence, Facts

# An observer should be far below what it observes: the default engine takes 2 to 3 % of a core at 100/s.
MOST_HARNESS_CORES = 0.05
# Below ten readings' worth of error, the harness's own share is not known to a tenth.
LEAST_HARNESS_S = 10 * READING_ERROR_S / MOST_HARNESS_CORES
# Start-up work that runs on into the stream (imports, caches) takes a second or two of a core.
LEAST_BUSY_S = 10.0
FEWEST_BLOCKS_S = FEWEST_BLOCKS * LEAST_BLOCK_S


class _Facts(Facts):
    @cached_property
    def maybe(self) -> Cost | None:
        return cost(self.record)

    @property
    def profiler(self) -> str:
        """What tells where a program of its language spends its time."""
        return "py-spy" if self.in_worker else "perf"

    @property
    def seen(self) -> Cost:
        assert self.maybe is not None  # the first rule answers else
        return self.maybe

    @property
    def said(self) -> str:
        seen = self.seen
        return f"{format_duration(seen.per_packet_s)} of CPU a packet, {seen.cores:.1%} of a core{_own(seen)}"

    @property
    def evidence(self) -> Evidence:
        seen, creep = self.seen, self.seen.creep
        return {
            "cpu_per_packet_s": seen.per_packet_s,
            "cores": seen.cores,
            "harness_cores": seen.harness_cores,
            "allowed_cores": seen.allowed_cores,
            "packets": seen.packets,
            "span_s": seen.span_s,
            "blocks": creep.blocks if creep else None,
            "first_third_s": creep.first_s if creep else None,
            "last_third_s": creep.last_s if creep else None,
            "rose_cores": creep.rose_cores if creep else None,
            "tau": creep.tau if creep else None,
        }


def _not_read(facts: _Facts) -> Finding | None:
    if facts.maybe is not None:
        return None
    own, elapsed = supervisor_cores(facts.record), facts.record.samples[ELAPSED_S]
    if own is not None and own > MOST_HARNESS_CORES and elapsed[-1] >= LEAST_HARNESS_S:
        return CHECK.failed(
            f"the harness takes {own:.1%} of a core, more than {MOST_HARNESS_CORES:.0%}",
            {"harness_cores": own},
            cause="harness",
            remedy="sample less often (sampling.every)",
            level="warn",
        )
    return CHECK.skipped("CPU time was not read twice while packets came")


def _creeps(facts: _Facts) -> Finding | None:
    """CPU per packet that doubles over the run fails."""
    creep = facts.seen.creep
    if creep is None or not creep.rose:
        return None
    return CHECK.failed(
        f"{facts.said}; it grew from {format_duration(creep.first_s)} a packet in the first "
        f"third of the run to {format_duration(creep.last_s)} in the last",
        facts.evidence,
        cause="cpu_creep",
        remedy=f"profile it early and late ({facts.profiler} record): what grows is searched or copied",
    )


def _busy(facts: _Facts) -> Finding | None:
    """More of a core than it may take, in a run long enough to know, fails."""
    seen = facts.seen
    if seen.allowed_cores is None or seen.span_s < LEAST_BUSY_S or seen.cores <= seen.allowed_cores:
        return None
    return CHECK.failed(
        f"{facts.said}: more than the {seen.allowed_cores:.1%} that {seen.packets / seen.span_s:,.0f} "
        "packets a second may take",
        facts.evidence,
        cause="busy",
        remedy="something runs beside the packets, or works too much for each: "
        f"{facts.profiler} top names it; if it is meant, say how much may be taken: budget.cpu",
    )


def _dear_harness(facts: _Facts) -> Finding | None:
    """A harness that takes over 5 % of a core is a warning."""
    seen = facts.seen
    dear = seen.harness_cores is not None and seen.harness_cores > MOST_HARNESS_CORES
    if not dear or seen.span_s < LEAST_HARNESS_S:
        return None
    return CHECK.failed(
        f"{facts.said}: the harness takes more than {MOST_HARNESS_CORES:.0%} of a core",
        facts.evidence,
        cause="harness",
        remedy="sample less often (sampling.every)" + (", or leave out tracemalloc" if facts.in_worker else ""),
        level="warn",
    )


def _steady(facts: _Facts) -> Finding | None:
    creep = facts.seen.creep
    if creep is None:
        return None
    return CHECK.passed(
        facts.said,
        facts.evidence,
        detection_limit=f"a steady rise to {CREEP_RATIO:g} times the cost, by {CREEP_CORES:.0%} of a core "
        f"or more, would have been seen ({creep.blocks} blocks)",
    )


def _too_short(facts: _Facts) -> Finding:
    return CHECK.skipped(
        f"{facts.said}; whether that grows takes {FEWEST_BLOCKS_S:.0f} s or more of the stream, "
        f"this run had {format_duration(facts.seen.span_s)}",
        facts.evidence,
    )


def _own(seen: Cost) -> str:
    return "" if seen.harness_cores is None else f"; the harness {seen.harness_cores:.1%}"


CHECK = Check(
    name="cost",
    question=("CPU per packet, its creep, a core kept busy beside the packets, and the harness's own share."),
    facts=_Facts,
    rules=(_not_read, _creeps, _busy, _dear_harness, _steady, _too_short),
    needs=("packets",),
    causes={
        "cpu_creep": "a packet costs more and more",
        "busy": "more CPU than the packets explain",
        "harness": "the harness itself takes too much (a warning)",
    },
    meaning="the longer it runs, the more it costs, until it is too slow",
    figure="cost",
    required=False,
    reads=(CPU_USER_S, CPU_SYSTEM_S, ENGINE_DELIVERED),
    explained_by=frozenset({"cpu"}),
    item="A packet's CPU time stays what it is, and the harness's is small",
)
