"""What a packet costs in CPU time, whether that grows, and what the harness itself takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.statistics import kendall_tau
from zcbench.analysis.stream import streaming
from zcbench.analysis.totals import mean_per_s
from zcbench.analysis.trend.views import FEWEST_BLOCKS, MOST_BLOCKS
from zcbench.quantities.names import (
    CPU_SYSTEM_S,
    CPU_USER_S,
    ELAPSED_S,
    ENGINE_CAPTURED,
    ENGINE_CAPTURED_BYTES,
    ENGINE_DELIVERED,
    PROBE_COST_NS,
    SUPERVISOR_CPU_S,
)
from zcbench.record.reader import Record

# The kernel counts a process's CPU time in clock ticks (sysconf SC_CLK_TCK is 100 on Linux); a difference
# of two readings of user and of system time is off by one tick each.
CPU_TICK_S = 0.01
READING_ERROR_S = 2 * CPU_TICK_S
CREEP_CORES = 0.05  # of one core, at this run's rate: less is nothing a user would notice
# At most a fifth of the creep looked for may be the reading's error: 0.02 s / (0.05 / 5) = 2 s.
LEAST_BLOCK_S = READING_ERROR_S / (CREEP_CORES / 5)
# What a packet may cost beside budget.cpu: the consumer that verifies it (185 µs a packet in the hour of
# reports/campaign), and two readings of its bytes at 1 GB/s with as much for an engine's own; under tracemalloc
# several times that.
PACKET_S, BYTE_S, TRACED = 200e-6, 4e-9, 5.0
CREEP_RATIO = 2.0
CREEP_TAU = 0.7  # see timing.CREEP_TAU: by chance below 1 in 1,000 with 12 blocks


@dataclass(frozen=True)
class Cost:
    """CPU time per packet (s), and the share of a core (0..) of the subject and of the harness, over
    ``span_s`` of the running stream, start-up left out. ``creep`` is None if the run was too short."""

    span_s: float
    packets: int
    per_packet_s: float
    cores: float
    harness_cores: float | None
    creep: CostCreep | None
    allowed_cores: float | None  # by the scenario's budget; None: nobody set the pace


@dataclass(frozen=True)
class CostCreep:
    """CPU time per packet (s) in the first and the last third of the run, by medians of equal blocks.
    ``rose_cores`` is the difference at the run's mean rate, as a share of a core."""

    blocks: int
    first_s: float
    last_s: float
    rose_cores: float
    tau: float

    @property
    def rose(self) -> bool:
        """Whether it rose beyond chance, the clock's ticks and what matters."""
        return (
            self.tau > CREEP_TAU
            and self.last_s >= CREEP_RATIO * self.first_s
            and self.rose_cores >= CREEP_CORES
        )


def cost(record: Record) -> Cost | None:
    """The cost over the running stream; None with fewer than two readings, or without packets."""
    rows = record.samples
    cpu = rows[CPU_USER_S] + rows[CPU_SYSTEM_S]
    packets = rows[ENGINE_DELIVERED]
    # From the second sample on: the first's interval has the imports in it.
    use = np.flatnonzero(streaming(record) & np.isfinite(cpu) & np.isfinite(packets))
    if use.size < 2:
        return None
    elapsed, cpu, packets = rows[ELAPSED_S][use], cpu[use], packets[use]
    span, made = float(elapsed[-1] - elapsed[0]), int(packets[-1] - packets[0])
    if span <= 0 or made <= 0:
        return None
    spent = float(cpu[-1] - cpu[0])
    return Cost(
        span_s=span,
        packets=made,
        per_packet_s=spent / made,
        cores=spent / span,
        harness_cores=_harness_cores(record, use, span),
        creep=_creep(elapsed, cpu, packets, made / span),
        allowed_cores=_allowed_cores(record, made / span),
    )


def mean_cores(record: Record) -> float | None:
    """The share of a core (0..) that the subject took from its first reading to its last; None without two."""
    return mean_per_s(record, record.samples[CPU_USER_S] + record.samples[CPU_SYSTEM_S])


def supervisor_cores(record: Record) -> float | None:
    """The share of a core (0..) that the supervisor took likewise."""
    return mean_per_s(record, record.samples[SUPERVISOR_CPU_S])


def _allowed_cores(record: Record, per_s: float) -> float | None:
    """What the subject may take of a core: the budget, and what so many packets cost by themselves."""
    run = record.run
    if not record.can("pace") or run.scenario.source.unpaced:
        return None
    captured = record.samples[ENGINE_CAPTURED], record.samples[ENGINE_CAPTURED_BYTES]
    sizes = captured[1][captured[0] > 0] / captured[0][captured[0] > 0]
    packet_bytes = float(sizes[-1]) if sizes.size and np.isfinite(sizes[-1]) else 0.0
    packet_s = (PACKET_S + packet_bytes * BYTE_S) * (TRACED if run.tracemalloc else 1.0)
    return float(run.scenario.budget.cpu + per_s * packet_s)


def _harness_cores(record: Record, use: NDArray[np.int_], span_s: float) -> float | None:
    """The supervisor's CPU time and the probes' in the worker, per second."""
    supervisor = record.samples[SUPERVISOR_CPU_S][use]
    probes = record.samples[PROBE_COST_NS][use] / 1e9
    spent = (supervisor[-1] - supervisor[0]) + (probes[-1] - probes[0])
    return float(spent) / span_s if np.isfinite(spent) else None


def _creep(
    elapsed: NDArray[np.float64],
    cpu: NDArray[np.float64],
    packets: NDArray[np.float64],
    per_s: float,
) -> CostCreep | None:
    intervals = elapsed.size - 1
    blocks = min(MOST_BLOCKS, intervals, int((elapsed[-1] - elapsed[0]) / LEAST_BLOCK_S))
    if blocks < FEWEST_BLOCKS:
        return None
    edges = np.linspace(0, intervals, blocks + 1).round().astype(int)
    made = np.diff(packets[edges])
    if (made <= 0).any():  # a stretch without packets has no cost of one
        return None
    each = np.diff(cpu[edges]) / made
    third = blocks // 3
    first, last = float(np.median(each[:third])), float(np.median(each[-third:]))
    tau = kendall_tau(each)
    return CostCreep(blocks, first, last, (last - first) * per_s, tau if np.isfinite(tau) else 0.0)
