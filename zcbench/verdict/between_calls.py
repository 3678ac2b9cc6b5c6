"""What is said of the memory of a function that is read between its calls (:mod:`zcbench.analysis.resting`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zcbench.analysis.growth import Growth
from zcbench.analysis.resting import at_rest, stairs
from zcbench.analysis.totals import Totals, count
from zcbench.quantities.names import CALLS_MADE
from zcbench.quantities.units import format_bytes
from zcbench.record.reader import Record

REMEDY = "call it more often: what fills comes to rest, a leak does not"
_STILL_GROWING = "growing, and a leak is not told from what still fills"
_RESTLESS = "it goes up and down by more than a leak would"


def rest(record: Record) -> tuple[str, str] | None:
    """The sentence of a pass and its detection limit; None where not every exact counter came to rest."""
    found = at_rest(record)
    if found is None:
        return None
    limit = f"smallest detectable leak: {max(one.unseen_bytes for one in found):.3g} B a call"
    names = ", ".join(one.name for one in found)
    calls = min(one.calls for one in found)
    return f"{names} came to rest, for the last {calls:,.0f} calls; {limit}", limit


def restless(record: Record, totals: Totals, exact: Mapping[str, Growth], lacking: Sequence[str]) -> str:
    """Why memory did not come to rest: it fills still, or leaks in leaps."""
    steps = {
        one.name: f"{one.name} climbs in steps, by {format_bytes(one.gained_bytes)}" for one in stairs(record)
    }
    others = [
        f"{name}: {_STILL_GROWING if growth.trend.window else growth.trend.why}"
        for name, growth in exact.items()
        if name not in steps
        and (growth.trend.window is None or growth.trend.rising or growth.trend.outcome == "fail")
    ]
    unknown = [f"{name} was not measured" for name in lacking]
    calls = (count(totals, CALLS_MADE) or 0) if CALLS_MADE in totals else 0
    why = [*unknown, *steps.values(), *others] or [_RESTLESS]
    return f"memory did not come to rest in {calls:,} calls: {'; '.join(why)}"
