"""The pool's figures and the laws they must obey: the section "Pool statistics"."""

from __future__ import annotations

from zcbench.analysis import laws
from zcbench.analysis.pool import PoolBehaviour, behaviour
from zcbench.analysis.stated import Stated, stated
from zcbench.quantities.names import (
    ENGINE_CAPTURED,
    POOL_OVERFLOW_ALLOCATIONS,
    POOL_OVERFLOW_BYTES,
    POOL_OVERFLOW_FREED_BYTES,
    POOL_REFUSED,
    POOL_SLAB_BYTES,
)
from zcbench.quantities.units import MISSING
from zcbench.record.reader import Record
from zcbench.record.schema import Result
from zcbench.render.content.cells import count, share, size, text, together
from zcbench.render.content.document import Cell, Section, Table, columns, paragraph

_GLOSSARY = (
    "A slot is a fixed piece of the pool's memory that holds one packet. A lease is the claim of a reader on "
    "its slot; the slot returns when the last claim on it is released. A hit is a request served by a free "
    "slot, a miss one that found none. The high-water mark is the most leases in flight at once."
)


def section(record: Record, result: Result) -> Section | None:
    """Hits, misses, returns, and the laws of conservation; None of a subject without a pool."""
    if not record.can("pool"):
        return Section("Laws", (_laws(record, result),)) if stated(record, result.totals) else None
    return Section(
        "Pool statistics",
        (_statistics(record, result), _laws(record, result), paragraph(_GLOSSARY)),
        ("pool",),
    )


def _statistics(record: Record, result: Result) -> Table:
    found = result.totals
    pool = behaviour(record, found)
    mean = pool.mean_in_flight
    rows = (
        *_slots(record, result, pool),
        ("Requests (acquires)", count(found[ENGINE_CAPTURED])),
        ("Hits", count(pool.hits)),
        ("Misses", count(pool.misses)),
        ("Hit rate", share(pool.hit_rate)),
        ("Refused (no memory given)", count(found[POOL_REFUSED])),
        ("Overflow allocations", count(found[POOL_OVERFLOW_ALLOCATIONS])),
        (
            "Overflow allocated, freed",
            together(size(found[POOL_OVERFLOW_BYTES]), size(found[POOL_OVERFLOW_FREED_BYTES])),
        ),
        ("Returns", count(pool.returns)),
        ("In flight at the end", count(pool.in_flight)),
        ("High water", count(pool.high_water)),
        (
            "Mean in flight (Little's law: rate × hold time)",
            Cell(MISSING) if mean is None else Cell(f"{mean:.2f}", mean),
        ),
    )
    return Table(
        "Pool statistics",
        columns("<Metric", "Value"),
        tuple((text(name), value) for name, value in rows),
    )


def _slots(record: Record, result: Result, pool: PoolBehaviour) -> list[tuple[str, Cell]]:
    """How many there were; of an adaptive pool, how it came to that."""
    plan, sizes = record.run.scenario.pool, pool.sizes
    if plan.policy != "adaptive" or sizes is None:
        return [("Slots", count(pool.slots))]
    return [
        ("Slots at the end", count(pool.slots)),
        (
            "Slots at the start, fewest, most",
            together(count(sizes.start), count(sizes.lowest), count(sizes.highest)),
        ),
        ("Slots allowed (pool.min, pool.max)", together(count(plan.min), count(plan.max))),
        ("Slots added, taken out", together(count(sizes.grown), count(sizes.shrunk))),
        ("Times there was no memory for more", count(sizes.failures)),
        ("Memory of the slab", size(result.totals[POOL_SLAB_BYTES])),
    ]


def _laws(record: Record, result: Result) -> Table:
    return Table(
        "Laws of conservation",
        columns("<Law", "Left", "Right", "<At the end", "<During the run"),
        tuple(
            (
                text(balance.law.name),
                count(balance.left),
                count(balance.right),
                _at_the_end(balance),
                Cell(
                    f"within {count(balance.worst).text} at {count(balance.samples).text} samples",
                    balance.worst,
                ),
            )
            for balance in laws.balances(record, result.totals)
            # Of a program's counters a law with terms that it does not count says nothing.
            if record.can("worker") or balance.holds is not None
        )
        + tuple(_stated(law) for law in stated(record, result.totals)),
    )


def _stated(law: Stated) -> tuple[Cell, ...]:
    """A law of the program's own, or of its user's."""
    held = "broken" if law.holds is False else "holds" if law.holds else "not measured"
    during = Cell(f"broken at {count(law.broken).text} of {count(law.samples).text} samples", float(law.broken))
    return (
        text(law.law.text),
        count(law.left),
        count(law.right),
        Cell(held, is_strong=law.holds is False),
        during,
    )


def _at_the_end(balance: laws.Balance) -> Cell:
    if balance.holds is None:
        return Cell("not measured")
    return Cell("broken", is_strong=True) if balance.holds is False else Cell("holds")
