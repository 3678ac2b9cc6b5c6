"""What a runtime that compiles as it runs gains by that: no leak, and told from one."""

from __future__ import annotations

from dataclasses import replace

from zcbench.analysis.trend import Trend
from zcbench.analysis.trend.rule import SHORTEST_WARM_UP_S, WARM_UP_S

# What a runtime that compiles as it runs gains in its heap and in malloc while it warms up: a healthy web
# service of Java's 0.3 MiB in a minute, as evenly as a leak; of Node's 0.4 in five.
WARMING_BYTES = 2 * 2**20
_WARMING = f"growing, but a run below {WARM_UP_S:.0f} s cannot tell a leak from a warm-up"
_CODE = "growing, and what compiled code needs may be all of it"


def unless_warming(found: Trend, length_s: float) -> Trend:
    """``found`` over ``length_s``; below five minutes, what a runtime that compiles as it runs gains is no leak
    unless it is much."""
    window = found.window
    if found.outcome != "fail" or window is None or length_s >= SHORTEST_WARM_UP_S:
        return found
    if window.slope * length_s >= WARMING_BYTES:
        return found
    return replace(found, outcome="inconclusive", why=_WARMING)


def unless_code(most: Trend, rest: Trend, budget: float) -> Trend:
    """``most``, the trend of a heap without its code, beside that of the ``rest`` without what belongs to code.

    One of them must fail, and the other grow beyond the ``budget`` for sure too: what belongs to code makes
    neither do so by itself.
    """
    sure = all(one.window is not None and one.window.low > budget for one in (most, rest))
    if sure and "fail" in (most.outcome, rest.outcome):
        return rest if rest.outcome == "fail" else most
    return replace(most, outcome="inconclusive", why=_CODE) if most.outcome == "fail" else most
