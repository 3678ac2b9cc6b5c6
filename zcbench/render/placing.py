"""Each figure's title, and which figure shows what a check or a metric is about."""

from __future__ import annotations

from zcbench.expectations.language import ExpectationError, parse
from zcbench.verdict.theirs import find

TITLES = {
    "memory": "Memory over time, and its trend",
    "pool": "Pool: leases in flight against its slots, and acquires served by a free slot",
    "percentiles": "Delivery latency and hold time of all packets, by percentile",
    "latency": "Delivery latency and hold time over time: median, 99th percentile, maximum",
    "rate": "Packet rate against what was due; gaps, drops and xruns are marked",
    "cost": "CPU of the subject, and of the harness that watches it",
    "resources": "Descriptors, threads and child processes of the subject",
    "own": "What the subject publishes of its own",
}
# By the beginning of a quantity's name, the longer before the shorter.
_OF_NAMES = {
    "pool.": "pool",
    "overflow_live": "pool",
    "delivery": "latency",
    "hold": "latency",
    "cpu": "cost",
    "probe.cost": "cost",
    "supervisor_cpu": "cost",
    "rss": "memory",
    "uss": "memory",
    "python_heap": "memory",
    "python_small": "memory",
    "native_heap": "memory",
    "allocated_blocks": "memory",
    "gc.": "memory",
    "fds": "resources",
    "threads": "resources",
    "children": "resources",
    "engine.": "rate",
    "consumer.": "rate",
    "rate_": "rate",
    "due": "rate",
    "missing": "rate",
}
EXPECTATION = "expect: "  # how the name of an expectation's finding begins


def figure_of(check: str) -> str | None:
    """The name of the figure that shows what ``check`` (a finding's name) is about; None if none does."""
    if not check.startswith(EXPECTATION):
        known = find(check)
        return None if known is None or known.figure not in TITLES else known.figure
    try:
        quantity = parse(check.removeprefix(EXPECTATION)).quantity.name
    except ExpectationError:  # a finding of a record that another version wrote
        return None
    return next((name for start, name in _OF_NAMES.items() if quantity.startswith(start)), None)
