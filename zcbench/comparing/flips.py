"""How a run ended and what its checks said, against another's: what flips from pass to fail is worse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from zcbench.comparing.comparability import Aspect
from zcbench.expectations import language as expectation
from zcbench.quantities.quantity import Kind
from zcbench.quantities.units import BYTES, S
from zcbench.record.schema import End, Ending, Finding

Verdict = Literal["better", "worse", "no evidence"]

_DIED = frozenset({Ending.FAILED, Ending.CRASHED, Ending.EXITED, Ending.HUNG, Ending.MEMORY, Ending.ABORTED})


def of_life(base: End, new: End) -> tuple[Verdict, str | None]:
    """Whether the subject's life ended better or worse, and why that cannot be said."""
    known = _DIED | {Ending.FINISHED}
    for end, name in ((base, "BASE"), (new, "NEW")):
        if end.ending not in known:
            return "no evidence", f"{name} ended {end.ending.value}"
    if (base.ending in _DIED) == (new.ending in _DIED):
        return "no evidence", None
    return ("worse" if new.ending in _DIED else "better"), None


def said(end: End) -> str:
    """ "crashed (SIGABRT) at packet 111", "finished, 30,000 packets"."""
    died = end.ending in _DIED
    how = end.ending.value + (f" ({end.signal})" if end.signal else "")
    if end.received is None:
        return how
    return f"{how} at packet {end.received:,}" if died else f"{how}, {end.received:,} packets"


def of_check(base: Finding | None, new: Finding | None) -> tuple[Verdict, str | None]:
    """A check's answer in two runs; None where it was not asked."""
    if base is None or new is None:
        return "no evidence", f"not asked in {'BASE' if base is None else 'NEW'}"
    before, after = base.outcome, new.outcome
    if {before, after} != {"pass", "fail"}:
        return (
            "no evidence",
            None if before == after else "a fail or a pass says something, no other",
        )
    if "warn" in (base.level, new.level):
        return "no evidence", "a warning, which fails no run"
    return ("worse", new.sentence) if after == "fail" else ("better", None)


def explained_by(check: str, explained: Mapping[str, frozenset[Aspect]]) -> frozenset[Aspect]:
    """What a changed setting or machine may explain of ``check``; ``explained`` has it for each that is no
    expectation."""
    if not check.startswith("expect: "):
        return explained.get(check, frozenset())
    try:
        parsed = expectation.parse(check.removeprefix("expect: "))
    except expectation.ExpectationError:  # of a newer language
        return frozenset({"loss", "pool", "holding", "memory", "timing", "extremes", "cpu", "rate", "totals"})
    return _of_quantity(parsed)


def _of_quantity(parsed: expectation.Parsed) -> frozenset[Aspect]:
    name, unit = parsed.quantity.name, parsed.quantity.unit.base
    if parsed.quantity.kind is Kind.HISTOGRAM:
        return frozenset({"timing", "extremes", "holding"} if name.startswith("h") else {"timing", "extremes"})
    if name == "cpu":
        return frozenset({"cpu"})
    if name.startswith("pool."):
        return frozenset({"pool", "holding", "totals"})
    if unit == BYTES:
        return frozenset({"budget"} if parsed.statistic == "slope" else {"memory"})
    if unit == S:
        return frozenset({"timing", "extremes", "totals"})
    # The limit of a count that must be 0 holds for a run of any length.
    return frozenset({"loss"} if parsed.limit == 0 else {"loss", "totals"})


def by_check(findings: Sequence[Finding]) -> dict[str, Finding]:
    """Findings by the name of their check."""
    return {finding.check: finding for finding in findings}
