"""What of a table cannot be true, or nobody reads: shares above 100 %, unlikely units, times to come."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

from zcbench.importers.clocks import DAY_S, Moment, epoch_unit
from zcbench.importers.columns import TIME, Column
from zcbench.importers.guess import read_name
from zcbench.importers.labels import is_identity, is_label
from zcbench.importers.sizes import IN_PAGES, PAGE_BYTES
from zcbench.importers.table import Table
from zcbench.importers.words import words
from zcbench.record.writer import RecordError

# What a column is called that holds a share of a whole; CPU may be above 100 %, of several cores.
_SHARES = words(
    "hit_rate hitrate hit_ratio cache_hit_rate pool_hit_rate hits_percent loss_rate packet_loss loss_percent "
    "drop_rate mem_percent memory_percent mem_usage_percent memory_utilization ram_percent disk_percent"
)
_ENDS = ("_percent", "_pct")
MOST_NAMED = 8
# Zones differ by a day at most, and so do clocks that are set to local time.
AHEAD_S = 2 * DAY_S
# A process of 1 GiB and more whose sizes in KiB are all multiples of 4 MiB, of several values: they are bytes.
LEAST_BYTES, FEWEST_VALUES = 2**20, 4


def check_shares(table: Table, mapped: Collection[str]) -> None:
    """Raise RecordError for a column of shares, which nothing reads, with more than the whole in it."""
    for name, facts in table.facts.items():
        told = read_name(name)
        share = told.words in _SHARES or told.words.endswith(_ENDS) or told.unit == "%"
        if name in mapped or not share or "cpu" in told.words or not facts.is_numeric or facts.high <= 100:
            continue
        likely = "permille: divide by 10" if facts.high <= 1000 else "a count, not a share: name it so"
        raise RecordError(
            f"{table.name}: {name} goes up to {facts.high:,.6g}, and no share is above 100 percent; it is "
            f"likely {likely}, or leave it out: --map ignore={name}"
        )


def check_sizes(table: Table, columns: Collection[Column]) -> None:
    """Raise RecordError for sizes that their header calls KB and that can only be bytes."""
    for column in columns:
        facts = table.facts[column.theirs]
        in_kib = column.metric.name in IN_PAGES and column.factor == 1024.0 and not column.given
        whole = facts.whole and facts.step % PAGE_BYTES == 0 and facts.units <= {""}
        if in_kib and whole and facts.low >= LEAST_BYTES and len(facts.values) >= FEWEST_VALUES:
            raise RecordError(
                f"{table.name}: {column.theirs} would be {facts.low / 2**20:,.1f} GiB and more, of whole pages "
                f"as bytes are: say --map {column.metric.name}={column.theirs}:bytes, or :KiB if it is so"
            )


def contradictions(table: Table, columns: Collection[Column]) -> list[str]:
    """Columns whose cells name another unit than their header, in words; the cells' counts."""
    found = []
    for column in columns:
        named = read_name(column.theirs).unit
        units = {unit for unit in table.facts[column.theirs].units if unit}
        factors = column.metric.unit.factors
        if named in factors and units and all(_differ(factors, named, unit) for unit in units):
            shown = ", ".join(sorted(units))
            found.append(
                f"{table.name}: {column.theirs} says {named}, its cells {shown}: the cells' unit is taken"
            )
    return found


def _differ(factors: Mapping[str, float], one: str, other: str) -> bool:
    """Whether two units are of another size, 1,000 and 1,024 taken for the same."""
    return other in factors and not 0.9 < factors[one] / factors[other] < 1.1


def unread(table: Table, mapped: Collection[str]) -> list[str]:
    """The columns that nothing reads, in words; of a tool that is known it knows which those are."""
    told = table.format.guess
    left = [
        name for name in table.columns if name not in mapped and not is_label(name) and not is_identity(name)
    ]
    left = [name for name in left if name not in {*table.format.labels, TIME} and table.facts[name].is_numeric]
    if not told or not left:
        return []
    more = f" and {len(left) - MOST_NAMED:,} more" if len(left) > MOST_NAMED else ""
    return [
        f"{table.name}: nothing reads {', '.join(left[:MOST_NAMED])}{more}; if one is a quantity, "
        "say which: --map NAME=COLUMN"
    ]


def is_to_come(moment: Moment) -> bool:
    """Whether a date lies ahead of this machine's clock."""
    dated = not moment.daily and epoch_unit(moment.seconds) is not None
    return dated and moment.seconds > time.time() + AHEAD_S
