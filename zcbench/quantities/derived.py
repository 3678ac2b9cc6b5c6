"""Every number that is computed from measured ones: by a formula, or of a whole run when it is judged.

A formula holds for a sample, for the end and for a part of a run alike. What an analysis computes stands in
``result.json``, so that a history over thousands of runs need not read their samples.
"""

from __future__ import annotations

from collections.abc import Mapping

from zcbench.quantities.formula import Formula
from zcbench.quantities.measured import HISTOGRAMS
from zcbench.quantities.quantity import Better, Kind, Origin, Quantity
from zcbench.quantities.units import BYTES, BYTES_PER_S, NS, PPM, SHARE, S, Unit, unit_of

PERCENTILES: Mapping[str, float] = {"p50": 50.0, "p99": 99.0}
# The memory counters of our own subjects whose trend is a number of the result.
GROWING = (
    "Python heap", "small objects", "allocated blocks", "native heap", "overflow", "leases", "RSS", "USS",
)  # fmt: skip
LEVELS: Mapping[str, str] = {
    "level.rss": "rss_bytes",
    "level.native_heap": "native_heap_bytes",
    "level.python_heap": "python_heap_bytes",
}

# What is counted of bytes that were wrong, or will be.
CORRUPT = (
    "consumer.corrupt_on_delivery", "consumer.corrupt_before_return", "consumer.wrong_size",
    "consumer.aliased", "pool.guard_violations", "pool.poison_violations",
)  # fmt: skip
HIT_RATE = Formula("pool.hits / (pool.hits + pool.misses)")


def _formula(
    name: str, unit: Unit, formula: Formula, title: str, *,
    kind: Kind = Kind.GAUGE, better: Better = Better.LOWER, aliases: tuple[str, ...] = (), label: str = "",
) -> Quantity:  # fmt: skip
    return Quantity(name, unit, kind, Origin.DERIVED, title, better, aliases, formula, label=label)


def _judged(name: str, unit: Unit, title: str, better: Better = Better.LOWER, label: str = "") -> Quantity:
    return Quantity(name, unit, Kind.GAUGE, Origin.ANALYSIS, title, better, label=label)


def growth_name(counter: str) -> str:
    """The name of a memory counter's trend: "growth.python_heap" of "Python heap"."""
    return f"growth.{counter.lower().replace(' ', '_')}"


BY_FORMULA: tuple[Quantity, ...] = (
    _formula("missing", unit_of("packets"), Formula("due - engine.delivered"),
             "packets due and not delivered", label="Packets missing"),
    _formula("pool.hit_rate", SHARE, HIT_RATE, "hits / (hits + misses)",
             kind=Kind.RATIO, better=Better.HIGHER, aliases=("hit_rate",), label="Hit rate"),
    _formula("cpu", SHARE, Formula("cpu_user_s + cpu_system_s"),
             "CPU time of the subject, as a share of one core, start-up left out",
             kind=Kind.PACE, label="CPU of the subject, share of a core"),
    _formula("consumer.disorder", unit_of("packets"),
             Formula("consumer.duplicates + consumer.reordered"),
             "packets seen twice, or older than one already seen",
             kind=Kind.TOTAL, label="Duplicates and reordered"),
    _formula("consumer.corrupt", unit_of("packets"), Formula(" + ".join(CORRUPT)),
             "packets with wrong bytes, and guard zones or free slots that were written to",
             kind=Kind.TOTAL, label="Packets with wrong bytes"),
    _formula("pool.not_returned", unit_of("leases"),
             Formula("engine.captured - pool.refused - pool.returns"),
             "leases that did not come back", label="Leases never returned"),
)  # fmt: skip

OF_A_RUN: tuple[Quantity, ...] = (
    _judged("pool.mean_in_flight", unit_of("leases"), "Little's law: capture rate x mean hold time"),
    _judged("cpu.per_packet", S, "CPU time of the subject for each packet delivered"),
    _judged("harness_cpu", SHARE, "CPU time of supervisor and probes, as a share of one core"),
    _judged("rate.drift", PPM, "the stream's rate against the nominal one", Better.NEARER_ZERO,
            "Rate against nominal"),
    *(
        _judged(f"{timing.name}.{which}", NS, f"{which} of: {timing.title}")
        for timing in HISTOGRAMS
        for which in (*PERCENTILES, "max")
    ),
    *(
        _judged(
            name, BYTES, f"typical low-water mark of {gauge} after warm-up",
            label=f"{label}, low-water mark",
        )
        for (name, gauge), label in zip(LEVELS.items(), ("RSS", "Native heap", "Python heap"), strict=True)
    ),
    *(
        _judged(growth_name(name), BYTES_PER_S, f"trend of: {name}", label=f"Growth of {name}")
        for name in GROWING
    ),
)  # fmt: skip


def trend_of(one: Quantity) -> Quantity | None:
    """The trend of a memory quantity that some subjects have; None of what is no level of memory."""
    if one.memory is None or one.kind is not Kind.GAUGE:
        return None
    called = one.label or one.short
    return _judged(f"growth.{one.short}", BYTES_PER_S, f"trend of: {called}", label=f"Growth of {called}")


def hit_rate(hits: float | None, misses: float | None) -> float | None:
    """The share of acquires that found a free slot, 0..1, by the registry's formula.

    None if either was not measured, or before the first acquire.
    """
    return HIT_RATE.of({"pool.hits": hits, "pool.misses": misses})
