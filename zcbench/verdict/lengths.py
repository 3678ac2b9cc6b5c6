"""How long a run must last for its open questions: one length, where several checks only want a longer run."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from zcbench.quantities.units import format_duration
from zcbench.record.schema import Finding

# A check that wants more than this asks for a run of another kind, which no other check has to wait for.
LONGEST_TOGETHER_S = 3600.0


def wanted_s(findings: Iterable[Finding]) -> float | None:
    """The shortest run, in seconds, that answers every check that only wants a longer one; None if none does.

    A check that wants more than ``LONGEST_TOGETHER_S`` is left out.
    """
    lengths = [s for f in findings if (s := f.lasting_s) is not None and s <= LONGEST_TOGETHER_S]
    return max(lengths, default=None)


def longer(seconds: float) -> str:
    """The remedy of a check that only wants a longer run."""
    return f"run for {format_duration(seconds)} or more"


def together(findings: Iterable[Finding]) -> list[Finding]:
    """``findings``, whose remedies name one length for all that only want a longer run."""
    found = list(findings)
    seconds = wanted_s(found)
    if seconds is None:
        return found
    remedy = longer(seconds)
    return [
        msgspec.structs.replace(f, remedy=remedy)
        if f.lasting_s is not None and f.lasting_s <= LONGEST_TOGETHER_S
        else f
        for f in found
    ]
