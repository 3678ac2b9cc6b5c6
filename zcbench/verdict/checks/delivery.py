"""Was every packet that was due delivered?"""

from __future__ import annotations

from zcbench.analysis.delivery import Window, Windows, delivery, windows
from zcbench.analysis.totals import Totals, count
from zcbench.record.reader import Record
from zcbench.record.schema import Ending, Finding


def check(record: Record, found: Totals) -> Finding:
    """Fail when more is missing, or more came, than the tolerance explains; say when it went."""
    seen, parts = delivery(record, found), windows(record, found)
    drops = count(found, "engine.drops")
    evidence: dict[str, int | float | str | None] = {
        "due": seen.due,
        "delivered": seen.delivered,
        "missing": seen.missing,
        "tolerance": seen.tolerance,
        "tolerance_why": seen.why,
        "drops": drops,
        "refused": count(found, "pool.refused"),
        "windows": len(parts.windows),
        "window_tolerance": parts.tolerance,
        "windows_losing": len(parts.losing),
        "windows_late": len(parts.late),
    }
    if seen.missing is None or not seen.due:
        return Finding(
            check="delivery",
            outcome="inconclusive",
            sentence="how many packets were due or delivered was not measured",
            evidence=evidence,
            remedy="see the life check: the stream may never have started",
        )
    of = f"{seen.delivered:,} of {seen.due:,} packets due were delivered"
    # A drop that the engine admits to is exact: no tolerance of a clock covers it.
    admitted = bool(drops) and record.end.ending is Ending.FINISHED
    if abs(seen.missing) <= seen.tolerance and not admitted:
        power = f"a loss of {seen.tolerance + 1} or more would have been seen ({seen.why})"
        return Finding(
            check="delivery",
            outcome="pass",
            sentence=f"{of}; {power}{_late(parts)}",
            evidence=evidence,
            power=power + _window_power(parts),
        )
    if seen.missing < 0 and not admitted:
        return Finding(
            check="delivery",
            outcome="fail",
            sentence=f"{of}: {-seen.missing:,} more than were due",
            cause="surplus",
            evidence=evidence,
            remedy="packets were made up or delivered twice, or the stream's rate is not what it says",
        )
    missing = max(seen.missing, drops or 0)
    return Finding(
        check="delivery",
        outcome="fail",
        sentence=f"{of}: {missing:,} are missing, {missing / seen.due:.3%}"
        f"{_where(found, missing)}{_when(parts)}",
        cause="dropped" if (drops or 0) >= missing else "lost",
        evidence=evidence,
        remedy=_remedy(found),
    )


def _when(parts: Windows) -> str:
    """Where the loss lies; nothing if it is in every window, or in none by more than the tolerance."""
    losing = parts.losing
    if not losing or len(losing) == len(parts.windows):
        return "; it is spread over the whole run" if losing else ""
    shown = max(losing, key=lambda window: window.lost)
    more = f", and in {len(losing) - 1} more of {len(parts.windows)} windows" * (len(losing) > 1)
    return f"; {shown.lost:,} of them {_between(shown)}{more}"


def _late(parts: Windows) -> str:
    if not parts.late:
        return ""
    worst = max(parts.late, key=lambda window: window.behind)
    return f"; {_between(worst)} it was up to {worst.behind:,} packets behind, and made them good"


def _window_power(parts: Windows) -> str:
    if not parts.windows:
        return "; too few samples to say when"
    return f"; in each of {len(parts.windows)} windows, one of {parts.tolerance + 1} would have been placed"


def _between(window: Window) -> str:
    return f"between {_clock(window.from_s)} and {_clock(window.to_s)}"


def _clock(seconds: float) -> str:
    """Time into the run: 2:10, or 1:02:10."""
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours}:{m:02d}:{s:02d}" if hours else f"{m}:{s:02d}"


def _where(found: Totals, missing: int) -> str:
    drops = count(found, "engine.drops") or 0
    if drops >= missing:
        return f"; the engine says that it dropped {drops:,}"
    if drops:
        return f"; the engine admits to {drops:,} drops, the rest were never captured"
    return "; the engine counted no drop: they were never captured"


def _remedy(found: Totals) -> str:
    if count(found, "pool.refused"):
        return "the pool had no slot for them: more slots (pool.max of an adaptive one), or policy grow"
    if count(found, "engine.drops"):
        return "the queue was full: the application read too late; raise pool.queue or read faster"
    return (
        "the producer fell behind or its clock is slow: look at the rate and the sampling lateness"
    )
