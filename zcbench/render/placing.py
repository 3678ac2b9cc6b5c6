"""Each figure's title, and which figure shows what a check or a metric is about."""

from __future__ import annotations

from zcbench.expectations.language import ExpectationError, parse
from zcbench.verdict.checks import by_name

TITLES = {
    "memory": "Memory over time, and its trend",
    "pool": "Pool: leases in flight against its slots, and acquires served by a free slot",
    "percentiles": "Delivery latency and hold time of all packets, by percentile",
    "latency": "Delivery latency and hold time over time: median, 99th percentile, maximum",
    "rate": "Packet rate against what was due; gaps, drops and xruns are marked",
    "cost": "CPU of the subject, and of the harness that watches it",
    "resources": "Descriptors, threads and child processes of the subject",
}
# By the beginning of a column's name, the longer before the shorter.
_OF_COLUMNS = {
    "pool_": "pool",
    "hit_rate": "pool",
    "overflow_live": "pool",
    "delivery_": "latency",
    "hold_": "latency",
    "cpu": "cost",
    "probe_cost": "cost",
    "supervisor_cpu": "cost",
    "rss": "memory",
    "uss": "memory",
    "python_heap": "memory",
    "python_small": "memory",
    "native_heap": "memory",
    "allocated_blocks": "memory",
    "gc_": "memory",
    "fds": "resources",
    "threads": "resources",
    "children": "resources",
    "engine_": "rate",
    "consumer_": "rate",
    "rate_": "rate",
    "due": "rate",
    "missing": "rate",
}
EXPECTATION = "expect: "  # how the name of an expectation's finding begins


def figure_of(check: str) -> str | None:
    """The name of the figure that shows what ``check`` (a finding's name) is about; None if none does."""
    if not check.startswith(EXPECTATION):
        known = by_name(check)
        return None if known is None else known.figure
    try:
        column = parse(check.removeprefix(EXPECTATION)).quantity.column
    except ExpectationError:  # a finding of a record that another version wrote
        return None
    return next((name for start, name in _OF_COLUMNS.items() if column.startswith(start)), None)
